/**
 * Resource limits, usage and priorities: `resource.h`, and ioprio.
 */

// Limits.
export const RLIMIT_CPU = 0;
export const RLIMIT_FSIZE = 1;
export const RLIMIT_DATA = 2;
export const RLIMIT_STACK = 3;
export const RLIMIT_CORE = 4;
export const RLIMIT_RSS = 5;
export const RLIMIT_NPROC = 6;
export const RLIMIT_NOFILE = 7;
export const RLIMIT_MEMLOCK = 8;
export const RLIMIT_AS = 9;
export const RLIMIT_LOCKS = 10;
export const RLIMIT_SIGPENDING = 11;
export const RLIMIT_MSGQUEUE = 12;
export const RLIMIT_NICE = 13;
export const RLIMIT_RTPRIO = 14;
export const RLIMIT_RTTIME = 15;
export const RLIM_NLIMITS = 16;

// Usage.
export const RUSAGE_SELF = 0;
export const RUSAGE_CHILDREN = -1;
export const RUSAGE_BOTH = -2;
export const RUSAGE_THREAD = 1;

// getpriority(2), setpriority(2).
export const PRIO_MIN = -20;
export const PRIO_MAX = 20;
export const PRIO_PROCESS = 0;
export const PRIO_PGRP = 1;
export const PRIO_USER = 2;

// ioprio_set(2).
export const IOPRIO_CLASS_SHIFT = 13;
export const IOPRIO_CLASS_MASK = 7;
export const IOPRIO_PRIO_MASK = 8191;
export const IOPRIO_NR_LEVELS = 8;
export const IOPRIO_BE_NR = 8;
export const IOPRIO_NORM = 4;
export const IOPRIO_BE_NORM = 4;
export const IOPRIO_CLASS_NONE = 0;
export const IOPRIO_CLASS_RT = 1;
export const IOPRIO_CLASS_BE = 2;
export const IOPRIO_CLASS_IDLE = 3;
export const IOPRIO_WHO_PROCESS = 1;
export const IOPRIO_WHO_PGRP = 2;
export const IOPRIO_WHO_USER = 3;

// No limit: 2^64 - 1, which the nearest JavaScript number, 2^64, stands for; the u64 codecs read and write it so.
export const RLIM_INFINITY = 2 ** 64;
