/**
 * The architecture that this process runs on, and the values of the constants that differ between architectures for it.
 * A guest always has the architecture of its host, so a kernel may use these as if they were C macros; code that describes
 * the other architecture uses the `amd64` and `arm64` namespaces.
 */
import * as amd64 from './arch/amd64/constants.js';
import * as amd64Structs from './arch/amd64/structs.js';
import * as arm64 from './arch/arm64/constants.js';
import * as arm64Structs from './arch/arm64/structs.js';

/** Architectures that this package describes, by their Go and Debian names. */
export type Arch = 'amd64' | 'arm64';

/** What this process runs on; amd64 where it is neither, so that the package loads everywhere. */
export const hostArch: Arch = process.arch === 'arm64' ? 'arm64' : 'amd64';

const arm = hostArch === 'arm64';

export const O_DIRECT: number = arm ? arm64.O_DIRECT : amd64.O_DIRECT;
export const O_LARGEFILE: number = arm ? arm64.O_LARGEFILE : amd64.O_LARGEFILE;
export const O_DIRECTORY: number = arm ? arm64.O_DIRECTORY : amd64.O_DIRECTORY;
export const O_NOFOLLOW: number = arm ? arm64.O_NOFOLLOW : amd64.O_NOFOLLOW;
export const O_TMPFILE: number = arm ? arm64.O_TMPFILE : amd64.O_TMPFILE;
export const MINSIGSTKSZ: number = arm ? arm64.MINSIGSTKSZ : amd64.MINSIGSTKSZ;
export const SIGSTKSZ: number = arm ? arm64.SIGSTKSZ : amd64.SIGSTKSZ;
export const AT_VECTOR_SIZE_ARCH: number = arm ? arm64.AT_VECTOR_SIZE_ARCH : amd64.AT_VECTOR_SIZE_ARCH;

/** `struct stat` of this machine; the members have the same names on both architectures. */
export const Stat = (arm ? arm64Structs.Stat : amd64Structs.Stat) as typeof amd64Structs.Stat;
/** `struct epoll_event` of this machine. */
export const EpollEvent = (arm ? arm64Structs.EpollEvent : amd64Structs.EpollEvent) as typeof amd64Structs.EpollEvent;
/** `struct semid64_ds` of this machine. */
export const Semid64Ds = (arm ? arm64Structs.Semid64Ds : amd64Structs.Semid64Ds) as typeof amd64Structs.Semid64Ds;
