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

const own = hostArch === 'arm64' ? arm64 : amd64;

export const O_DIRECT: number = own.O_DIRECT;
export const O_LARGEFILE: number = own.O_LARGEFILE;
export const O_DIRECTORY: number = own.O_DIRECTORY;
export const O_NOFOLLOW: number = own.O_NOFOLLOW;
export const O_TMPFILE: number = own.O_TMPFILE;
export const MINSIGSTKSZ: number = own.MINSIGSTKSZ;
export const SIGSTKSZ: number = own.SIGSTKSZ;
export const AT_VECTOR_SIZE_ARCH: number = own.AT_VECTOR_SIZE_ARCH;

/** `struct stat` of this machine; the members have the same names on both architectures. */
export const Stat = (hostArch === 'arm64' ? arm64Structs.Stat : amd64Structs.Stat) as typeof amd64Structs.Stat;
/** `struct epoll_event` of this machine. */
export const EpollEvent = (hostArch === 'arm64' ? arm64Structs.EpollEvent : amd64Structs.EpollEvent) as typeof amd64Structs.EpollEvent;
/** `struct semid64_ds` of this machine. */
export const Semid64Ds = (hostArch === 'arm64' ? arm64Structs.Semid64Ds : amd64Structs.Semid64Ds) as typeof amd64Structs.Semid64Ds;
