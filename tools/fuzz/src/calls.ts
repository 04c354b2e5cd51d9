import * as abi from '@sbx/abi';

/** What an argument is: how the generator makes one (native/generate.c) and what it becomes when the call is made (native/execute.c). */
export const KINDS = [
  'INT', // an interesting number
  'FD', // a descriptor: one that the program got, a low number, or nonsense
  'PATH', // a path from a list
  'DIR', // a directory of the program's own
  'BUF', // a pointer to interesting words
  'STR', // a pointer to a short string
  'IOV', // a pointer to iovecs
  'MSG', // a pointer to a msghdr
  'TIME', // a pointer to a short timespec, or two
  'SOCKADDR', // a pointer to an address
  'SIZE', // a length
  'OFFSET', // an offset in a file
  'MODE', // permissions
  'PID', // a process that may be bothered
  'SIGNAL',
  'ADDR', // an address in a window that belongs to the program
  'FLAGS', // some of a set of values, combined
  'ENUM', // one of a set of values
  'VALUE', // always the same value
] as const;
export type Kind = (typeof KINDS)[number];

export interface Argument {
  readonly kind: Kind;
  readonly values?: readonly number[];
}
export interface FuzzCall {
  readonly name: string;
  readonly sysno: number;
  readonly args: readonly Argument[];
}

/** All constants of the ABI by name, those of amd64 before the rest. */
const constants = Object.entries({ ...abi, ...abi.amd64 })
  .filter((entry): entry is [string, number] => typeof entry[1] === 'number')
  .sort(([a], [b]) => (a < b ? -1 : 1));

/** The values of all constants whose name matches, each once. */
function values(pattern: RegExp): number[] {
  const found = [...new Set(constants.filter(([name]) => pattern.test(name)).map(([, value]) => value))].filter((value) =>
    Number.isSafeInteger(value),
  );
  if (found.length === 0) throw new Error(`@sbx/abi has no constants ${pattern}`);
  return found;
}
const flags = (pattern: RegExp): Argument => ({ kind: 'FLAGS', values: values(pattern) });
const one = (pattern: RegExp): Argument => ({ kind: 'ENUM', values: values(pattern) });
const among = (...list: number[]): Argument => ({ kind: 'ENUM', values: list });
const always = (value: number): Argument => ({ kind: 'VALUE', values: [value] });
const plain = (kind: Kind): Argument => ({ kind });

const [int, fd, path, dir, buf, str, iov, msg, time, sockaddr, size, offset, mode, pid, signal, addr] = KINDS.slice(0, 16).map(plain);

const open = flags(/^O_(?!PATH$)/);
const at = flags(/^AT_(EMPTY_PATH|SYMLINK_NOFOLLOW|SYMLINK_FOLLOW|REMOVEDIR|EACCESS|NO_AUTOMOUNT)$/);
const prot = flags(/^PROT_(READ|WRITE|EXEC)$/);
const nonblock = flags(/^O_(NONBLOCK|CLOEXEC)$/);
const msgFlags = flags(/^MSG_(?!WAITALL)/);
const dontwait = flags(/^MSG_(DONTWAIT|PEEK|TRUNC|NOSIGNAL)$/);
const family = among(1, 1, 2, 10, 16);
const socketType = among(1, 2, 5, 1 | 0o4000, 2 | 0o4000, 5 | 0o4000, 3, 0);
const level = among(1, 0, 6, 41, 17);
const timers = among(0, 1, 3, 7);
const rwf = flags(/^RWF_/);
const whence = one(/^SEEK_(SET|CUR|END|DATA|HOLE)$/);
const policy = one(/^SCHED_(OTHER|NORMAL|FIFO|RR|BATCH|IDLE)$/);

/** The calls that programs are made of. Not among them: what only ends the program, what waits for nothing else, what other programs could not live with. */
const CALLS: Readonly<Record<string, readonly Argument[]>> = {
  read: [fd, buf, size],
  write: [fd, buf, size],
  readv: [fd, iov, among(0, 1, 2, 4, 1024, -1)],
  writev: [fd, iov, among(0, 1, 2, 4, 1024)],
  pread64: [fd, buf, size, offset],
  pwrite64: [fd, buf, size, offset],
  preadv: [fd, iov, among(1, 2, 4), offset, int],
  pwritev: [fd, iov, among(1, 2, 4), offset, int],
  preadv2: [fd, iov, among(1, 2), offset, always(0), rwf],
  pwritev2: [fd, iov, among(1, 2), offset, always(0), rwf],
  open: [path, open, mode],
  openat: [fd, path, open, mode],
  openat2: [fd, path, buf, among(24, 24, 32, 16)],
  creat: [path, mode],
  close: [fd],
  dup: [fd],
  dup2: [fd, fd],
  dup3: [fd, fd, nonblock],
  close_range: [among(5, 8, 20), among(6, 12, -1), flags(/^CLOSE_RANGE_/)],
  lseek: [fd, offset, whence],
  fstat: [fd, buf],
  stat: [path, buf],
  lstat: [path, buf],
  newfstatat: [fd, path, buf, at],
  statx: [fd, path, at, int, buf],
  statfs: [path, buf],
  fstatfs: [fd, buf],
  access: [path, among(0, 1, 2, 4, 7)],
  faccessat2: [fd, path, among(0, 1, 2, 4), at],
  pipe2: [buf, open],
  pipe: [buf],
  fcntl: [fd, one(/^F_(?!SETLKW|OFD_SETLKW|SETOWN)/), int],
  flock: [fd, among(1 | 4, 2 | 4, 8, 4, 0)],
  fsync: [fd],
  fdatasync: [fd],
  sync_file_range: [fd, offset, offset, among(0, 1, 2, 4, 7)],
  truncate: [path, offset],
  ftruncate: [fd, offset],
  fallocate: [fd, flags(/^FALLOC_FL_/), offset, offset],
  fadvise64: [fd, offset, size, one(/^POSIX_FADV_/)],
  readahead: [fd, offset, size],
  getdents64: [fd, buf, size],
  getdents: [fd, buf, size],
  getcwd: [buf, size],
  chdir: [path],
  fchdir: [fd],
  rename: [path, path],
  renameat2: [fd, path, fd, path, flags(/^RENAME_/)],
  mkdir: [path, mode],
  mkdirat: [fd, path, mode],
  rmdir: [path],
  link: [path, path],
  linkat: [fd, path, fd, path, at],
  unlink: [path],
  unlinkat: [fd, path, at],
  symlink: [path, path],
  symlinkat: [path, fd, path],
  readlink: [path, buf, size],
  readlinkat: [fd, path, buf, size],
  chmod: [path, mode],
  fchmod: [fd, mode],
  fchmodat: [fd, path, mode],
  chown: [path, int, int],
  fchown: [fd, int, int],
  lchown: [path, int, int],
  fchownat: [fd, path, int, int, at],
  umask: [mode],
  mknod: [path, flags(/^S_IF(REG|CHR|FIFO|SOCK)$/), among(0, 0x103, 0x105, 0x107, 0x500, 0x502)],
  mknodat: [fd, path, flags(/^S_IF(REG|CHR|FIFO|SOCK)$/), among(0, 0x103, 0x105)],
  utimensat: [fd, path, time, at],
  utime: [path, time],
  utimes: [path, time],
  sendfile: [fd, fd, buf, size],
  splice: [fd, buf, fd, buf, size, flags(/^SPLICE_F_/)],
  tee: [fd, fd, size, flags(/^SPLICE_F_/)],
  vmsplice: [fd, iov, among(1, 2), flags(/^SPLICE_F_/)],
  copy_file_range: [fd, buf, fd, buf, size, among(0, 0, 1)],
  memfd_create: [str, flags(/^MFD_(CLOEXEC|ALLOW_SEALING|HUGETLB)$/)],
  setxattr: [path, str, buf, size, flags(/^XATTR_(CREATE|REPLACE)$/)],
  fsetxattr: [fd, str, buf, size, flags(/^XATTR_(CREATE|REPLACE)$/)],
  getxattr: [path, str, buf, size],
  fgetxattr: [fd, str, buf, size],
  listxattr: [path, buf, size],
  flistxattr: [fd, buf, size],
  removexattr: [path, str],
  fremovexattr: [fd, str],
  inotify_init1: [nonblock],
  inotify_add_watch: [fd, path, flags(/^IN_/)],
  inotify_rm_watch: [fd, int],
  ioctl: [fd, one(/^(TC[GS]|TIOC(?!STI|LINUX)|FIO|FION|FS_IOC|RND|FIGETBSZ|FICLONE|SIOC)/), buf],
  eventfd2: [int, among(0, 1, 0o4000, 0o4001, 0o2000000)],
  timerfd_create: [timers, nonblock],
  timerfd_settime: [fd, among(0, 1, 2, 3), time, buf],
  timerfd_gettime: [fd, buf],
  signalfd4: [fd, buf, among(8, 8, 16), nonblock],
  epoll_create1: [among(0, 0o2000000, 1)],
  epoll_ctl: [fd, one(/^EPOLL_CTL_/), fd, buf],
  epoll_pwait: [fd, buf, among(1, 4, 0, -1), among(0, 0, 1), always(0), always(8)],
  poll: [buf, among(0, 1, 2, 3), among(0, 0, 1)],
  ppoll: [buf, among(1, 2), time, always(0), always(8)],
  select: [among(0, 4, 16, 64, -1), buf, buf, buf, time],
  pidfd_open: [pid, among(0, 0o4000, 1)],
  pidfd_getfd: [fd, fd, always(0)],
  mmap: [
    addr,
    size,
    prot,
    flags(/^MAP_(SHARED|PRIVATE|FIXED|ANONYMOUS|GROWSDOWN|NORESERVE|POPULATE|STACK|LOCKED|FIXED_NOREPLACE|32BIT|SHARED_VALIDATE)$/),
    fd,
    among(0, 0, 4096, 8192, 1),
  ],
  munmap: [addr, size],
  mprotect: [addr, size, prot],
  mremap: [addr, size, size, among(0, 1, 1, 3, 5, 7), addr],
  madvise: [addr, size, one(/^MADV_(?!HWPOISON|SOFT)/)],
  msync: [addr, size, flags(/^MS_(ASYNC|SYNC|INVALIDATE)$/)],
  mincore: [addr, size, buf],
  mlock: [addr, size],
  mlock2: [addr, size, among(0, 1, 2)],
  munlock: [addr, size],
  mlockall: [among(1, 2, 4, 3, 0)],
  munlockall: [],
  remap_file_pages: [addr, size, always(0), among(0, 1, 2), among(0, 0x10000)],
  membarrier: [among(0, 1, 2, 8, 16), always(0), always(0)],
  process_vm_readv: [pid, iov, among(0, 1, 2), iov, among(0, 1, 2), always(0)],
  process_vm_writev: [pid, iov, among(0, 1), iov, among(0, 1), always(0)],
  socket: [family, socketType, among(0, 0, 6, 17, 255)],
  socketpair: [family, socketType, always(0), buf],
  bind: [fd, sockaddr, among(110, 16, 28, 2, 0, 8)],
  listen: [fd, among(0, 1, 5, -1)],
  connect: [fd, sockaddr, among(110, 16, 28, 2, 8)],
  accept4: [fd, buf, buf, nonblock],
  getsockname: [fd, buf, buf],
  getpeername: [fd, buf, buf],
  sendto: [fd, buf, size, msgFlags, sockaddr, among(0, 110, 16, 8)],
  recvfrom: [fd, buf, size, dontwait, buf, buf],
  sendmsg: [fd, msg, msgFlags],
  recvmsg: [fd, msg, dontwait],
  shutdown: [fd, among(0, 1, 2, 3)],
  setsockopt: [fd, level, among(...Array.from({ length: 50 }, (_, i) => i + 1)), buf, among(4, 8, 16, 1, 0, 4096)],
  getsockopt: [fd, level, among(...Array.from({ length: 50 }, (_, i) => i + 1)), buf, buf],
  rt_sigaction: [signal, buf, buf, among(8, 8, 4)],
  rt_sigprocmask: [among(0, 1, 2, 3), buf, buf, among(8, 4)],
  rt_sigpending: [buf, among(8, 4)],
  sigaltstack: [buf, buf],
  rt_sigtimedwait: [buf, buf, time, among(8, 4)],
  rt_sigqueueinfo: [pid, signal, buf],
  kill: [pid, among(0, 0, 10, 17, 23, 28)],
  tgkill: [pid, pid, among(0, 17, 23, 28)],
  timer_create: [timers, buf, buf],
  timer_settime: [int, among(0, 1), time, buf],
  timer_gettime: [int, buf],
  timer_delete: [int],
  timer_getoverrun: [int],
  getitimer: [among(0, 1, 2, 3), buf],
  setitimer: [among(1, 2), buf, buf],
  clock_gettime: [among(0, 1, 2, 3, 4, 5, 6, 7, 11, -6, 99), buf],
  clock_getres: [among(0, 1, 4, 99), buf],
  clock_nanosleep: [among(0, 1, 7, 99), among(0, 1), time, buf],
  times: [buf],
  getrusage: [among(0, -1, 1, 5), buf],
  gettimeofday: [buf, buf],
  futex: [buf, among(0, 1, 128, 129, 3, 131, 4, 5, 6, 8, 9, 137, 138, 11, 12, 7), int, time, buf, int],
  set_robust_list: [buf, among(24, 8)],
  get_robust_list: [pid, buf, buf],
  getpriority: [among(0, 1, 2, 3), pid],
  setpriority: [among(0, 1, 2), pid, int],
  sched_setscheduler: [pid, policy, buf],
  sched_getscheduler: [pid],
  sched_setparam: [pid, buf],
  sched_getparam: [pid, buf],
  sched_getattr: [pid, buf, among(48, 56, 8), always(0)],
  sched_setattr: [pid, buf, always(0)],
  sched_getaffinity: [pid, size, buf],
  sched_setaffinity: [pid, among(1, 8, 128), buf],
  sched_rr_get_interval: [pid, buf],
  getpgid: [pid],
  setpgid: [pid, pid],
  getsid: [pid],
  setsid: [],
  prlimit64: [pid, among(0, 1, 2, 3, 7, 13, 14, 15, 16), buf, buf],
  getgroups: [among(0, 8, -1), buf],
  setgroups: [among(0, 1, 4), buf],
  capget: [buf, buf],
  capset: [buf, buf],
  prctl: [one(/^PR_(GET|CAP|SET_(NAME|KEEPCAPS|TIMERSLACK|DUMPABLE|CHILD|THP|PDEATHSIG|NO_NEW|VMA))/), int, int, int, int],
  uname: [buf],
  sysinfo: [buf],
  sethostname: [str, among(0, 4, 65)],
  getrandom: [buf, size, among(0, 1, 2, 3)],
  getcpu: [buf, buf, buf],
  personality: [among(-1, 0, 0x20000, 0x40000)],
  wait4: [among(-1, 0, -2), buf, among(1, 3, 11, 0x40000001), buf],
  waitid: [among(0, 1, 2, 3), pid, buf, among(1 | 4, 1 | 2 | 4, 1 | 8, 1), buf],
  fork: [],
  execve: [path, buf, buf],
  mount: [always(0), dir, str, flags(/^MS_(RDONLY|NOSUID|NODEV|NOEXEC|REMOUNT|BIND)$/), always(0)],
  umount2: [dir, among(2, 8, 4)],
  rseq: [buf, among(32, 16), among(0, 1), int],
  seccomp: [among(2, 3, 9), always(0), buf],
  kcmp: [pid, pid, among(0, 1, 2), fd, fd],
  ptrace: [among(0x4200, 16, 17), pid, buf, buf],
  acct: [path],
  quotactl: [int, path, int, buf],
  name_to_handle_at: [fd, path, buf, buf, at],
  sync: [],
  syncfs: [fd],
  vhangup: [],
  set_mempolicy: [among(0, 1, 2, 3, 9), buf, among(0, 1, 64)],
  get_mempolicy: [buf, buf, among(0, 64), addr, among(0, 1, 2, 3, 4)],
  mbind: [addr, size, among(0, 1, 2, 3), buf, among(0, 64), among(0, 1, 2)],
  io_setup: [int, buf],
  bpf: [int, buf, size],
  userfaultfd: [int],
};

/** The table from which programs are generated. Calls that this architecture or the ABI's tables lack fail here. */
export function fuzzCalls(): FuzzCall[] {
  const numbers = new Map<string | undefined, number>(abi.syscallNames('amd64').map((name, sysno) => [name, sysno]));
  return Object.entries(CALLS).map(([name, args]) => {
    const sysno = numbers.get(name);
    if (sysno === undefined) throw new Error(`there is no system call ${name}`);
    return { name, sysno, args };
  });
}
