/** The arguments of each system call, in order. A call that is missing here is printed with six hexadecimal numbers. */

import * as sets from '../generated/flag-sets.js';
import { OpenHow, Statfs, Statx } from '../structs/file.js';
import { Rlimit, Rusage, SchedAttr, SchedParam, Sysinfo, Utsname } from '../structs/process.js';
import { SigaltStack } from '../structs/signal.js';
import { Itimerspec, Itimerval, Timespec, Timespec2, Timeval, Timeval2, Timezone, Tms, Utimbuf } from '../structs/time.js';
import type { SyscallName } from '../sysno.js';
import type { Kind } from './call.js';
import * as d from './dependent.js';
import { enumToString, flagsToString } from './flags.js';
import * as k from './kinds.js';
import * as s from './structs.js';

/** Arguments of a call, or how to find them. */
export type Signature = readonly Kind[] | d.Dependent;

const { int, uint, long, size, hex, addr, fd, pid, id, dirfd, mode, path, string, signal } = k;
const openFlags = k.archFlags(sets.openFlags);
const atFlags = k.flags(sets.atFlags);
const prot = k.flags(sets.protFlags);
const msgFlags = k.flags(sets.msgFlags);
const timespecIn = s.structIn(Timespec);
const timespecOut = s.structOut(Timespec);

const openHow: Kind = (c, i) => {
  const special = {
    flags: (n: number) => flagsToString(sets.openFlags(c.arch), n),
    mode: (n: number) => `0${n.toString(8)}`,
    resolve: (n: number) => flagsToString(sets.resolveFlags(), n),
  };
  return s.structIn(OpenHow, special)(c, i);
};

/** The type of a socket and its flags. */
const socketType: Kind = (c, i) => {
  const type = c.u32(i) & 0xf;
  const flags = c.u32(i) - type;
  const name = enumToString(sets.socketTypes(), type);
  return flags === 0 ? name : `${name}|${flagsToString(sets.socketTypeFlags(), flags)}`;
};
const family = k.one(sets.addressFamilies);
const protocol: Kind = (c, i) => (c.u32(0) === 2 || c.u32(0) === 10 ? k.one(sets.ipProtocols)(c, i) : int(c, i));
const level = k.one(sets.socketLevels);
const option: Kind = (c, i) => {
  if (c.i32(1) === 1) return k.one(sets.socketOptions)(c, i);
  return c.i32(1) === 6 ? k.one(sets.tcpOptions)(c, i) : int(c, i);
};
const clock = k.one(sets.clocks);

function files(): Partial<Record<SyscallName, Signature>> {
  return {
    read: [fd, k.bytesOut, size],
    write: [fd, k.bytesIn(2), size],
    open: d.openArguments(path),
    openat: d.openArguments(dirfd, path),
    openat2: [dirfd, path, openHow, size],
    creat: [path, mode],
    close: [fd],
    close_range: [uint, uint, k.flags(sets.closeRangeFlags)],
    stat: [path, s.statOut],
    fstat: [fd, s.statOut],
    lstat: [path, s.statOut],
    newfstatat: [dirfd, path, s.statOut, atFlags],
    statx: [dirfd, path, atFlags, k.flags(sets.statxMask), s.structOut(Statx)],
    statfs: [path, s.structOut(Statfs)],
    fstatfs: [fd, s.structOut(Statfs)],
    lseek: [fd, long, k.one(sets.whences)],
    pread64: [fd, k.bytesOut, size, long],
    pwrite64: [fd, k.bytesIn(2), size, long],
    readv: [fd, s.iovecs(2, 'out'), int],
    writev: [fd, s.iovecs(2, 'in'), int],
    preadv: [fd, s.iovecs(2, 'out'), int, long],
    pwritev: [fd, s.iovecs(2, 'in'), int, long],
    preadv2: [fd, s.iovecs(2, 'out'), int, long, hex, k.flags(sets.rwfFlags)],
    pwritev2: [fd, s.iovecs(2, 'in'), int, long, hex, k.flags(sets.rwfFlags)],
    access: [path, k.flags(sets.accessModes)],
    faccessat: [dirfd, path, k.flags(sets.accessModes)],
    faccessat2: [dirfd, path, k.flags(sets.accessModes), k.flags(sets.accessAtFlags)],
    pipe: [k.fdsOut],
    pipe2: [k.fdsOut, openFlags],
    dup: [fd],
    dup2: [fd, fd],
    dup3: [fd, fd, openFlags],
    fcntl: d.fcntlArguments,
    flock: [fd, k.flags(sets.flockFlags)],
    fsync: [fd],
    fdatasync: [fd],
    sync: [],
    syncfs: [fd],
    sync_file_range: [fd, long, long, hex],
    truncate: [path, long],
    ftruncate: [fd, long],
    fallocate: [fd, k.flags(sets.fallocateModes), long, long],
    fadvise64: [fd, long, size, k.one(sets.fadvices)],
    readahead: [fd, long, size],
    getdents: [fd, addr, uint],
    getdents64: [fd, addr, uint],
    getcwd: [k.stringOut, size],
    chdir: [path],
    fchdir: [fd],
    chroot: [path],
    rename: [path, path],
    renameat: [dirfd, path, dirfd, path],
    renameat2: [dirfd, path, dirfd, path, k.flags(sets.renameFlags)],
    mkdir: [path, mode],
    mkdirat: [dirfd, path, mode],
    rmdir: [path],
    link: [path, path],
    linkat: [dirfd, path, dirfd, path, atFlags],
    unlink: [path],
    unlinkat: [dirfd, path, k.flags(sets.unlinkFlags)],
    symlink: [path, path],
    symlinkat: [path, dirfd, path],
    readlink: [path, k.bytesOut, size],
    readlinkat: [dirfd, path, k.bytesOut, size],
    chmod: [path, mode],
    fchmod: [fd, mode],
    fchmodat: [dirfd, path, mode],
    chown: [path, id, id],
    fchown: [fd, id, id],
    lchown: [path, id, id],
    fchownat: [dirfd, path, id, id, atFlags],
    umask: [mode],
    mknod: [path, mode, hex],
    mknodat: [dirfd, path, mode, hex],
    utime: [path, s.structIn(Utimbuf)],
    utimes: [path, s.structIn(Timeval2)],
    futimesat: [dirfd, path, s.structIn(Timeval2)],
    utimensat: [dirfd, path, s.structIn(Timespec2), atFlags],
    sendfile: [fd, fd, addr, size],
    splice: [fd, addr, fd, addr, size, k.flags(sets.spliceFlags)],
    tee: [fd, fd, size, k.flags(sets.spliceFlags)],
    vmsplice: [fd, s.iovecs(2, 'in'), size, k.flags(sets.spliceFlags)],
    copy_file_range: [fd, addr, fd, addr, size, uint],
    memfd_create: [string, k.flags(sets.memfdFlags)],
    mount: [path, path, string, k.flags(sets.mountFlags), addr],
    umount2: [path, k.flags(sets.umountFlags)],
    pivot_root: [path, path],
    ioctl: d.ioctlArguments,
    inotify_init: [],
    inotify_init1: [openFlags],
    inotify_add_watch: [fd, path, k.flags(sets.inotifyMask)],
    inotify_rm_watch: [fd, int],
    getxattr: [path, string, k.bytesOut, size],
    lgetxattr: [path, string, k.bytesOut, size],
    fgetxattr: [fd, string, k.bytesOut, size],
    setxattr: [path, string, k.bytesIn(3), size, k.flags(sets.xattrFlags)],
    lsetxattr: [path, string, k.bytesIn(3), size, k.flags(sets.xattrFlags)],
    fsetxattr: [fd, string, k.bytesIn(3), size, k.flags(sets.xattrFlags)],
    listxattr: [path, k.bytesOut, size],
    llistxattr: [path, k.bytesOut, size],
    flistxattr: [fd, k.bytesOut, size],
    removexattr: [path, string],
    lremovexattr: [path, string],
    fremovexattr: [fd, string],
  };
}

function memory(): Partial<Record<SyscallName, Signature>> {
  return {
    brk: [addr],
    mmap: [addr, size, prot, k.archFlags(sets.mapFlags), fd, hex],
    munmap: [addr, size],
    mprotect: [addr, size, prot],
    pkey_mprotect: [addr, size, prot, int],
    mremap: [addr, size, size, k.flags(sets.mremapFlags), addr],
    msync: [addr, size, k.flags(sets.msyncFlags)],
    mincore: [addr, size, addr],
    madvise: [addr, size, k.one(sets.madvices)],
    mlock: [addr, size],
    mlock2: [addr, size, k.flags(sets.mlockFlags)],
    munlock: [addr, size],
    mlockall: [k.flags(sets.mlockallFlags)],
    munlockall: [],
    membarrier: [k.one(sets.membarrierCommands), uint, int],
    process_vm_readv: [pid, s.iovecs(2, 'out'), size, addr, size, uint],
    process_vm_writev: [pid, s.iovecs(2, 'in'), size, addr, size, uint],
  };
}

function processes(): Partial<Record<SyscallName, Signature>> {
  const waited: readonly Kind[] = [pid, s.statusOut, k.flags(sets.waitFlags), s.structOut(Rusage)];
  return {
    clone: d.cloneArguments,
    clone3: [s.cloneArgsIn, size],
    fork: [],
    vfork: [],
    execve: [path, k.strings, k.environment],
    execveat: [dirfd, path, k.strings, k.environment, atFlags],
    exit: [int],
    exit_group: [int],
    wait4: waited,
    waitid: [k.one(sets.idTypes), pid, addr, k.flags(sets.waitidFlags), s.structOut(Rusage)],
    getpid: [],
    gettid: [],
    getppid: [],
    getpgrp: [],
    getpgid: [pid],
    setpgid: [pid, pid],
    getsid: [pid],
    setsid: [],
    getuid: [],
    geteuid: [],
    getgid: [],
    getegid: [],
    setuid: [id],
    setgid: [id],
    setreuid: [id, id],
    setregid: [id, id],
    setresuid: [id, id, id],
    setresgid: [id, id, id],
    getresuid: [k.intOut, k.intOut, k.intOut],
    getresgid: [k.intOut, k.intOut, k.intOut],
    setfsuid: [id],
    setfsgid: [id],
    getgroups: [int, addr],
    setgroups: [size, addr],
    capget: [addr, addr],
    capset: [addr, addr],
    prctl: [k.one(sets.prctlOptions), hex, hex, hex, hex],
    arch_prctl: [k.one(sets.archPrctlCodes), addr],
    ptrace: [k.one(sets.ptraceRequests), pid, addr, addr],
    unshare: [k.flags(sets.cloneFlags)],
    setns: [fd, k.flags(sets.cloneFlags)],
    set_tid_address: [addr],
    set_robust_list: [addr, size],
    get_robust_list: [pid, addr, addr],
    rseq: [addr, uint, int, hex],
    sched_yield: [],
    sched_getaffinity: [pid, size, addr],
    sched_setaffinity: [pid, size, addr],
    sched_getparam: [pid, s.structOut(SchedParam)],
    sched_setparam: [pid, s.structIn(SchedParam)],
    sched_getscheduler: [pid],
    sched_setscheduler: [pid, k.one(sets.schedPolicies), s.structIn(SchedParam)],
    sched_setattr: [pid, s.structIn(SchedAttr), uint],
    sched_getattr: [pid, s.structOut(SchedAttr), uint, uint],
    getpriority: [k.one(sets.prioWhichs), int],
    setpriority: [k.one(sets.prioWhichs), int, int],
    getrlimit: [k.one(sets.rlimits), s.structOut(Rlimit)],
    setrlimit: [k.one(sets.rlimits), s.structIn(Rlimit)],
    prlimit64: [pid, k.one(sets.rlimits), s.structIn(Rlimit), s.structOut(Rlimit)],
    getrusage: [k.one(sets.rusageWhos), s.structOut(Rusage)],
    times: [s.structOut(Tms)],
    sysinfo: [s.structOut(Sysinfo)],
    uname: [s.structOut(Utsname)],
    sethostname: [string, size],
    setdomainname: [string, size],
    getcpu: [k.intOut, k.intOut, addr],
    getrandom: [k.bytesOut, size, k.flags(sets.grndFlags)],
    seccomp: [k.one(sets.seccompOps), hex, addr],
    pidfd_open: [pid, k.archFlags(sets.openFlags)],
    pidfd_getfd: [fd, fd, uint],
    pidfd_send_signal: [fd, signal, addr, uint],
    kcmp: [pid, pid, k.one(sets.kcmpTypes), hex, hex],
    personality: [hex],
    iopl: [uint],
    restart_syscall: [],
  };
}

function signalsAndTime(): Partial<Record<SyscallName, Signature>> {
  return {
    rt_sigaction: [signal, s.sigactionIn, s.sigactionOut, size],
    rt_sigprocmask: [k.one(sets.sigHow), k.sigset, k.sigsetOut, size],
    rt_sigpending: [k.sigsetOut, size],
    rt_sigsuspend: [k.sigset, size],
    rt_sigtimedwait: [k.sigset, addr, timespecIn, size],
    rt_sigqueueinfo: [pid, signal, addr],
    rt_tgsigqueueinfo: [pid, pid, signal, addr],
    rt_sigreturn: [],
    sigaltstack: [s.structIn(SigaltStack, { ss_flags: (n: number) => flagsToString(sets.ssFlags(), n) }), s.structOut(SigaltStack)],
    kill: [pid, signal],
    tkill: [pid, signal],
    tgkill: [pid, pid, signal],
    pause: [],
    signalfd: [fd, k.sigset, size],
    signalfd4: [fd, k.sigset, size, k.flags(sets.signalfdFlags)],
    alarm: [uint],
    getitimer: [k.one(sets.itimers), s.structOut(Itimerval)],
    setitimer: [k.one(sets.itimers), s.structIn(Itimerval), s.structOut(Itimerval)],
    timer_create: [clock, addr, k.intOut],
    timer_settime: [int, k.flags(sets.timerSetFlags), s.structIn(Itimerspec), s.structOut(Itimerspec)],
    timer_gettime: [int, s.structOut(Itimerspec)],
    timer_getoverrun: [int],
    timer_delete: [int],
    timerfd_create: [clock, k.flags(sets.timerfdFlags)],
    timerfd_settime: [fd, k.flags(sets.timerSetFlags), s.structIn(Itimerspec), s.structOut(Itimerspec)],
    timerfd_gettime: [fd, s.structOut(Itimerspec)],
    time: [addr],
    gettimeofday: [s.structOut(Timeval), s.structOut(Timezone)],
    settimeofday: [s.structIn(Timeval), s.structIn(Timezone)],
    clock_gettime: [clock, timespecOut],
    clock_settime: [clock, timespecIn],
    clock_getres: [clock, timespecOut],
    clock_nanosleep: [clock, k.flags(sets.timerSetFlags), timespecIn, addr],
    nanosleep: [timespecIn, addr],
    futex: d.futexArguments,
    futex_waitv: [addr, uint, uint, timespecIn, clock],
  };
}

function waitingAndSockets(): Partial<Record<SyscallName, Signature>> {
  return {
    poll: [s.pollfds, uint, int],
    ppoll: [s.pollfds, uint, timespecIn, k.sigset, size],
    select: [int, addr, addr, addr, s.structIn(Timeval)],
    pselect6: [int, addr, addr, addr, timespecIn, addr],
    epoll_create: [int],
    epoll_create1: [k.flags(sets.epollCreateFlags)],
    epoll_ctl: [fd, k.one(sets.epollOps), fd, s.epollEventIn],
    epoll_wait: [fd, s.epollEventsOut, int, int],
    epoll_pwait: [fd, s.epollEventsOut, int, int, k.sigset, size],
    epoll_pwait2: [fd, s.epollEventsOut, int, timespecIn, k.sigset, size],
    eventfd: [uint],
    eventfd2: [uint, k.flags(sets.eventfdFlags)],
    socket: [family, socketType, protocol],
    socketpair: [family, socketType, protocol, k.fdsOut],
    bind: [fd, s.sockaddrIn(2), uint],
    connect: [fd, s.sockaddrIn(2), uint],
    listen: [fd, int],
    accept: [fd, s.sockaddrOut(2), k.intOut],
    accept4: [fd, s.sockaddrOut(2), k.intOut, k.flags(sets.socketTypeFlags)],
    getsockname: [fd, s.sockaddrOut(2), k.intOut],
    getpeername: [fd, s.sockaddrOut(2), k.intOut],
    sendto: [fd, k.bytesIn(2), size, msgFlags, s.sockaddrIn(5), uint],
    recvfrom: [fd, k.bytesOut, size, msgFlags, s.sockaddrOut(5), k.intOut],
    sendmsg: [fd, s.msghdrIn, msgFlags],
    recvmsg: [fd, s.msghdrOut, msgFlags],
    sendmmsg: [fd, addr, uint, msgFlags],
    recvmmsg: [fd, addr, uint, msgFlags, timespecIn],
    shutdown: [fd, k.one(sets.shutdownHows)],
    setsockopt: [fd, level, option, k.bytesIn(4), uint],
    getsockopt: [fd, level, option, addr, k.intOut],
    shmget: [hex, size, hex],
    shmat: [int, addr, hex],
    shmdt: [addr],
    shmctl: [int, k.one(sets.ipcCommands), addr],
    semget: [hex, int, hex],
    semop: [int, addr, size],
    semtimedop: [int, addr, size, timespecIn],
    semctl: [int, int, k.one(sets.ipcCommands), hex],
    msgget: [hex, hex],
    msgsnd: [int, addr, size, hex],
    msgrcv: [int, addr, size, long, hex],
    msgctl: [int, k.one(sets.ipcCommands), addr],
  };
}

let table: Partial<Record<SyscallName, Signature>> | undefined;

/** The signature of a call, if it is known. The table is made at its first use. */
export function signatureOf(name: SyscallName): Signature | undefined {
  table ??= { ...files(), ...memory(), ...processes(), ...signalsAndTime(), ...waitingAndSockets() };
  return table[name];
}
