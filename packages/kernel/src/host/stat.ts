import { AT_EMPTY_PATH, AT_NO_AUTOMOUNT, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, STATX_BTIME, Stat, Statx } from '@sbx/abi';
import { makeDevice } from '../vfs/device-number.js';
import { hostAddress, hostBytes, hostCall, hostNumber, hostWords, putPath, STRUCT_AT } from './host.js';

const SYS_FSTAT = hostNumber('fstat');
const SYS_NEWFSTATAT = hostNumber('newfstatat');
const SYS_STATX = hostNumber('statx');
const STATX_MASK = STATX_BASIC_STATS | STATX_BTIME;

/** Word numbers, in the transfer buffer, of the members of `struct stat`. */
const word = (offset: number): number => (STRUCT_AT + offset) >>> 2;
const DEV = word(Stat.offsets.st_dev);
const INO = word(Stat.offsets.st_ino);
const MODE = word(Stat.offsets.st_mode);
const NLINK = word(Stat.offsets.st_nlink);
const UID = word(Stat.offsets.st_uid);
const GID = word(Stat.offsets.st_gid);
const RDEV = word(Stat.offsets.st_rdev);
const SIZE = word(Stat.offsets.st_size);
const BLKSIZE = word(Stat.offsets.st_blksize);
const BLOCKS = word(Stat.offsets.st_blocks);
const ATIME = word(Stat.offsets.st_atime);
const ATIME_NSEC = word(Stat.offsets.st_atime_nsec);
const MTIME = word(Stat.offsets.st_mtime);
const MTIME_NSEC = word(Stat.offsets.st_mtime_nsec);
const CTIME = word(Stat.offsets.st_ctime);
const CTIME_NSEC = word(Stat.offsets.st_ctime_nsec);

/** What the host says of a file. Plain and reused: see `hostStat`. */
export class HostStat {
  /** Device in the 64 bits of `st_dev`, as a number (real ones have 32 bits). */
  dev = 0;
  /** Inode number: two halves, because all 64 bits may be in use. */
  inoLow = 0;
  inoHigh = 0;
  mode = 0;
  nlink = 0;
  uid = 0;
  gid = 0;
  rdev = 0;
  size = 0;
  blockSize = 0;
  blocks = 0;
  atimeSec = 0;
  atimeNsec = 0;
  mtimeSec = 0;
  mtimeNsec = 0;
  ctimeSec = 0;
  ctimeNsec = 0;
  /** Time of birth, after `statxAt` only, and where the file system has it: else `btimeSec` is -1. */
  btimeSec = -1;
  btimeNsec = 0;
}

/** The result of the last successful call of this module. */
export const hostStat = new HostStat();

/** A 64-bit word of the transfer buffer; two's complement where it is negative (times before 1970). @hotpath */
function signed64(at: number): number {
  return (hostWords[at + 1] | 0) * 2 ** 32 + hostWords[at];
}

/** @hotpath */
function decode(): void {
  const s = hostStat;
  s.dev = hostWords[DEV + 1] * 2 ** 32 + hostWords[DEV];
  s.inoLow = hostWords[INO];
  s.inoHigh = hostWords[INO + 1];
  s.mode = hostWords[MODE];
  s.nlink = hostWords[NLINK];
  s.uid = hostWords[UID];
  s.gid = hostWords[GID];
  s.rdev = hostWords[RDEV];
  s.size = signed64(SIZE);
  s.blockSize = hostWords[BLKSIZE];
  s.blocks = signed64(BLOCKS);
  s.atimeSec = signed64(ATIME);
  s.atimeNsec = hostWords[ATIME_NSEC];
  s.mtimeSec = signed64(MTIME);
  s.mtimeNsec = hostWords[MTIME_NSEC];
  s.ctimeSec = signed64(CTIME);
  s.ctimeNsec = hostWords[CTIME_NSEC];
  s.btimeSec = -1;
}

/** What the descriptor `fd` (also one made with O_PATH) is, in `hostStat`: 0 or -errno. @hotpath */
export function statFd(fd: number): number {
  const result = hostCall(SYS_FSTAT, fd, hostAddress + STRUCT_AT);
  if (result === 0) decode();
  return result;
}

/** What `name` in the directory `fd` is (a symlink itself, not its target), in `hostStat`: 0 or -errno. @hotpath */
export function statAt(fd: number, name: string): number {
  const result = hostCall(SYS_NEWFSTATAT, fd, putPath(name), hostAddress + STRUCT_AT, AT_SYMLINK_NOFOLLOW);
  if (result === 0) decode();
  return result;
}

const X = Statx.offsets;
const X_MASK = word(X.stx_mask);
const X_BLKSIZE = word(X.stx_blksize);
const X_NLINK = word(X.stx_nlink);
const X_UID = word(X.stx_uid);
const X_GID = word(X.stx_gid);
const X_MODE = word(X.stx_mode);
const X_INO = word(X.stx_ino);
const X_SIZE = word(X.stx_size);
const X_BLOCKS = word(X.stx_blocks);
const X_ATIME = word(X.stx_atime);
const X_BTIME = word(X.stx_btime);
const X_CTIME = word(X.stx_ctime);
const X_MTIME = word(X.stx_mtime);
const X_RDEV_MAJOR = word(X.stx_rdev_major);
const X_DEV_MAJOR = word(X.stx_dev_major);

/** As `statAt`, with the time of birth. An empty name: the descriptor itself. @hotpath */
export function statxAt(fd: number, name: string): number {
  const flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (name === '' ? AT_EMPTY_PATH : 0);
  const result = hostCall(SYS_STATX, fd, putPath(name), flags, STATX_MASK, hostAddress + STRUCT_AT);
  if (result === 0) decodeStatx();
  return result;
}

/** Bytes of a statx result. */
export const STATX_SIZE = Statx.size;
/** Arguments of a statx call on a name in a directory, for calls that are made elsewhere. */
export const STATX_FLAGS = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;
export { STATX_MASK };

/** Takes a result that another call brought: `bytes` is a `struct statx`. */
export function takeStatx(bytes: Uint8Array): void {
  hostBytes.set(bytes, STRUCT_AT);
  decodeStatx();
}

/** @hotpath */
function decodeStatx(): void {
  const s = hostStat;
  s.dev = makeDevice(hostWords[X_DEV_MAJOR], hostWords[X_DEV_MAJOR + 1]);
  s.inoLow = hostWords[X_INO];
  s.inoHigh = hostWords[X_INO + 1];
  s.mode = hostWords[X_MODE] & 0xffff;
  s.nlink = hostWords[X_NLINK];
  s.uid = hostWords[X_UID];
  s.gid = hostWords[X_GID];
  s.rdev = makeDevice(hostWords[X_RDEV_MAJOR], hostWords[X_RDEV_MAJOR + 1]);
  s.size = signed64(X_SIZE);
  s.blockSize = hostWords[X_BLKSIZE];
  s.blocks = signed64(X_BLOCKS);
  s.atimeSec = signed64(X_ATIME);
  s.atimeNsec = hostWords[X_ATIME + 2];
  s.mtimeSec = signed64(X_MTIME);
  s.mtimeNsec = hostWords[X_MTIME + 2];
  s.ctimeSec = signed64(X_CTIME);
  s.ctimeNsec = hostWords[X_CTIME + 2];
  s.btimeSec = -1;
  if ((hostWords[X_MASK] & STATX_BTIME) !== 0) {
    s.btimeSec = signed64(X_BTIME);
    s.btimeNsec = hostWords[X_BTIME + 2];
  }
}
