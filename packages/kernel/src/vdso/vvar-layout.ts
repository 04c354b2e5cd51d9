/**
 * The page of time parameters that programs' vDSO reads ("[vvar]"): the single definition, from which native/vdso/vvar.h is made. Offsets in bytes; 64-bit
 * values are low word first. Everything but `sequence` is valid while that is even and has not changed.
 */
export const VVAR_FIELDS = {
  /** Odd while the kernel writes. */
  sequence: 0,
  /** VVAR_MODE_*: whether the TSC may be used. */
  mode: 4,
  /** The TSC at which the values below hold. */
  tsc: 8,
  /** Nanoseconds per 2^32 TSC ticks. */
  multiplier: 16,
  /** CLOCK_MONOTONIC then, in nanoseconds. */
  monotonic: 24,
  /** CLOCK_REALTIME then: seconds, and nanoseconds of the second. */
  realSeconds: 32,
  realNanoseconds: 40,
  /** What CLOCK_BOOTTIME is ahead of CLOCK_MONOTONIC, in nanoseconds. */
  boottimeOffset: 48,
} as const;

/** The vDSO makes system calls: time is virtual, or the TSC is not understood (yet). */
export const VVAR_MODE_SYSTEM_CALLS = 0;
export const VVAR_MODE_TSC = 1;
