// Generated from packages/kernel/src/vdso/vvar-layout.ts by tools/gen (pnpm gen). Do not edit.
// The page of time parameters that the vDSO reads.
#ifndef SBX_VVAR_H
#define SBX_VVAR_H

// Offsets, in bytes.
#define VVAR_SEQUENCE         0
#define VVAR_MODE             4
#define VVAR_TSC              8
#define VVAR_MULTIPLIER       16
#define VVAR_MONOTONIC        24
#define VVAR_REAL_SECONDS     32
#define VVAR_REAL_NANOSECONDS 40
#define VVAR_BOOTTIME_OFFSET  48

// Values of the mode word.
#define VVAR_MODE_SYSTEM_CALLS 0
#define VVAR_MODE_TSC          1

#endif // SBX_VVAR_H
