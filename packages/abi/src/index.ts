/**
 * Linux's binary interface as data, for amd64 and arm64. Constants have their C names; where the architectures differ the flat name is the value
 * for the machine that this process runs on, and the namespaces `amd64` and `arm64` have both.
 */

export * from './advice.js';
export * from './arch/amd64/constants.js';
export * as amd64 from './arch/amd64/index.js';
export * from './arch/arm64/constants.js';
export * as arm64 from './arch/arm64/index.js';
export * from './auxvec.js';
export * from './bpf-classic.js';
export * from './capability.js';
export type { Codec, Member, ScalarKind, Shape, Value } from './codec/codec.js';
export {
  array,
  bytes,
  cstring,
  type FieldAccess,
  type PadCodec,
  pad,
  type StructCodec,
  type StructOptions,
  type StructValue,
  struct,
  type UnionValue,
  union,
} from './codec/composite.js';
export * from './codec/guest-memory.js';
export {
  be16,
  be32,
  f32,
  f64,
  getI64,
  getU64,
  i8,
  i16,
  i32,
  i64,
  long,
  ptr,
  type ScalarCodec,
  type ScalarMember,
  setI64,
  setU64,
  type U64Pair,
  u8,
  u16,
  u32,
  u64,
  u64pair,
  ulong,
} from './codec/scalar.js';
export { enumToString, type FlagSet, flagsToString } from './decode/flags.js';
export { argumentWords, type DecodeOptions, decodeSyscall, resultToString, traceLine } from './decode/syscall.js';
export * from './dirent.js';
export * from './elf.js';
export * from './errno.js';
export * from './fcntl.js';
export * from './fs-ioctl.js';
export * from './futex.js';
export * as flagSets from './generated/flag-sets.js';
// The names that both architectures define: this machine's values.
export {
  type Arch,
  AT_VECTOR_SIZE_ARCH,
  EpollEvent,
  hostArch,
  MINSIGSTKSZ,
  O_DIRECT,
  O_DIRECTORY,
  O_LARGEFILE,
  O_NOFOLLOW,
  O_TMPFILE,
  Semid64Ds,
  SIGSTKSZ,
  Stat,
} from './host.js';
export * from './inet.js';
export * from './inotify.js';
export * from './ioctl.js';
export * from './ipc.js';
export * from './kcov.js';
export * from './mman.js';
export * from './mount.js';
export * from './poll.js';
export * from './prctl.js';
export * from './ptrace.js';
export * from './resource.js';
export * from './sched.js';
export * from './siginfo.js';
export * from './signal.js';
export * from './signal-name.js';
export * from './socket.js';
export * from './stat.js';
export * from './structs/elf.js';
export * from './structs/file.js';
export * from './structs/ipc.js';
export * from './structs/poll.js';
export * from './structs/process.js';
export * from './structs/signal.js';
export * from './structs/socket.js';
export * from './structs/time.js';
export * from './structs/trace.js';
export * from './structs/tty.js';
export * from './sysno.js';
export * from './time.js';
export * from './tty.js';
export * from './umount.js';
export * from './unistd.js';
export * from './wait.js';
export * from './wait-status.js';
export * from './xattr.js';
