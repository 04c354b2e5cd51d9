/**
 * Kernel coverage: `kcov.h`.
 */

// ioctls (KCOV_INIT_TRACE takes the size in 64-bit words as its argument).
export const KCOV_INIT_TRACE = 0x80086301;
export const KCOV_ENABLE = 0x6364;
export const KCOV_DISABLE = 0x6365;
export const KCOV_REMOTE_ENABLE = 0x40186366;

// Trace types.
export const KCOV_TRACE_PC = 0;
export const KCOV_TRACE_CMP = 1;

// Comparison records and remote handles.
export const KCOV_REMOTE_MAX_HANDLES = 0x100;
export const KCOV_CMP_CONST = 1;
export const KCOV_CMP_MASK = 6;
