/**
 * The flag words and enumerations of system-call arguments: which constants belong to each. The generator writes them out as
 * `src/generated/flag-sets.ts`, so that decoding needs neither the modules of constants as objects nor work when the package is loaded.
 */

import * as advice from '../src/advice.js';
import * as amd64 from '../src/arch/amd64/constants.js';
import * as arm64 from '../src/arch/arm64/constants.js';
import type { FlagSet } from '../src/decode/flags.js';
import * as fcntl from '../src/fcntl.js';
import * as fsIoctl from '../src/fs-ioctl.js';
import * as futex from '../src/futex.js';
import type { Arch } from '../src/host.js';
import * as inet from '../src/inet.js';
import * as inotify from '../src/inotify.js';
import * as ipc from '../src/ipc.js';
import * as kcov from '../src/kcov.js';
import * as mman from '../src/mman.js';
import * as mount from '../src/mount.js';
import * as poll from '../src/poll.js';
import * as prctl from '../src/prctl.js';
import * as ptrace from '../src/ptrace.js';
import * as resource from '../src/resource.js';
import * as sched from '../src/sched.js';
import * as signal from '../src/signal.js';
import * as socket from '../src/socket.js';
import * as stat from '../src/stat.js';
import * as time from '../src/time.js';
import * as tty from '../src/tty.js';
import * as umount from '../src/umount.js';
import * as unistd from '../src/unistd.js';
import * as wait from '../src/wait.js';

/**
 * The constants of a module whose names match, as an enumeration or the bits of a flag word, in the order of their
 * values (the order of a module's names is not defined).
 */
function named(module: Readonly<Record<string, unknown>>, pattern: RegExp): Record<string, number> {
  const found = Object.entries(module).filter((e): e is [string, number] => typeof e[1] === 'number' && pattern.test(e[0]));
  return Object.fromEntries(found.sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1)));
}

/** Combinations before their parts, so that `O_SYNC` is found before `O_DSYNC`. */
function widestFirst(bits: Readonly<Record<string, number>>): Record<string, number> {
  const count = (n: number): number => {
    let ones = 0;
    for (let rest = n; rest > 0; rest = Math.floor(rest / 2)) ones += rest % 2;
    return ones;
  };
  return Object.fromEntries(Object.entries(bits).sort(([, a], [, b]) => count(b) - count(a)));
}

const bits = (module: Readonly<Record<string, unknown>>, pattern: RegExp): FlagSet => ({ bits: widestFirst(named(module, pattern)) });
const own = { amd64, arm64 } as const;

function openSet(arch: Arch): FlagSet {
  const common = named(fcntl, /^O_(?!ACCMODE|RDONLY|WRONLY|RDWR|NDELAY)/);
  return {
    fields: [{ mask: fcntl.O_ACCMODE, values: { O_RDONLY: fcntl.O_RDONLY, O_WRONLY: fcntl.O_WRONLY, O_RDWR: fcntl.O_RDWR } }],
    bits: widestFirst({ ...common, ...named(own[arch], /^O_/) }),
  };
}

function mapSet(arch: Arch): FlagSet {
  return {
    fields: [{ mask: mman.MAP_TYPE, values: named(mman, /^MAP_(SHARED|PRIVATE|SHARED_VALIDATE)$/) }],
    bits: { ...named(mman, /^MAP_(?!TYPE|SHARED|PRIVATE|FILE|HUGE_)/), ...named(own[arch], /^MAP_/) },
  };
}

/** Flags of open(2). */
export const openFlags = { amd64: openSet('amd64'), arm64: openSet('arm64') };
/** Flags of mmap(2). */
export const mapFlags = { amd64: mapSet('amd64'), arm64: mapSet('arm64') };

export const accessModes = { bits: { R_OK: unistd.R_OK, W_OK: unistd.W_OK, X_OK: unistd.X_OK, F_OK: unistd.F_OK } };
export const atFlags = bits(fcntl, /^AT_(?!FDCWD|EACCESS|REMOVEDIR|STATX|RECURSIVE|HANDLE)/);
export const accessAtFlags = {
  bits: { AT_EACCESS: fcntl.AT_EACCESS, AT_SYMLINK_NOFOLLOW: fcntl.AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH: fcntl.AT_EMPTY_PATH },
};
export const unlinkFlags = { bits: { AT_REMOVEDIR: fcntl.AT_REMOVEDIR } };
export const resolveFlags = bits(fcntl, /^RESOLVE_/);
export const renameFlags = bits(unistd, /^RENAME_/);
export const statxMask = {
  bits: { STATX_ALL: stat.STATX_ALL, STATX_BASIC_STATS: stat.STATX_BASIC_STATS, ...named(stat, /^STATX_(?!ATTR|ALL|BASIC)/) },
};
export const protFlags = bits(mman, /^PROT_/);
export const mremapFlags = bits(mman, /^MREMAP_/);
export const msyncFlags = bits(mman, /^MS_/);
export const memfdFlags = bits(mman, /^MFD_(?!HUGE_)/);
export const mlockallFlags = bits(mman, /^MCL_/);
export const mlockFlags = bits(mman, /^MLOCK_/);
export const cloneFlags = { bits: named(sched, /^CLONE_(?!ARGS)/) };
export const waitFlags = bits(wait, /^(W(?!STOPPED)[A-Z]+|__W\w+)$/);
export const waitidFlags = bits(wait, /^(W(?!UNTRACED)[A-Z]+|__W\w+)$/);
export const msgFlags = bits(socket, /^MSG_(?!PROXY|BATCH|TRYHARD)/);
export const epollCreateFlags = { bits: { EPOLL_CLOEXEC: poll.EPOLL_CLOEXEC } };
export const epollEvents = bits(poll, /^EPOLL[A-Z]/);
export const pollEvents = bits(poll, /^POLL[A-Z]/);
export const eventfdFlags = bits(poll, /^EFD_/);
export const signalfdFlags = bits(signal, /^SFD_/);
export const timerfdFlags = bits(fcntl, /^O_(CLOEXEC|NONBLOCK)$/);
export const timerSetFlags = bits(time, /^(TFD_TIMER_\w+)$/);
export const inotifyMask = bits(inotify, /^IN_(?!CLOEXEC|NONBLOCK|ALL)/);
export const saFlags = bits(signal, /^SA_(?!NOMASK|ONESHOT)/);
export const ssFlags = bits(signal, /^SS_/);
export const mountFlags = {
  bits: named(mount, /^MS_(?!MGC|RMT|VERBOSE|KERN|SUBMOUNT|NOREMOTE|NOSEC|BORN|ACTIVE|NOUSER)/),
};
export const umountFlags = bits(umount, /./);
export const grndFlags = bits(unistd, /^GRND_/);
export const closeRangeFlags = bits(fcntl, /^CLOSE_RANGE_/);
export const fallocateModes = bits(fcntl, /^FALLOC_FL_/);
export const spliceFlags = bits(advice, /^SPLICE_F_/);
export const rwfFlags = bits(unistd, /^RWF_(?!SUPPORTED)/);
export const membarrierCommands = named(unistd, /^MEMBARRIER_CMD_(?!FLAG|SHARED)/);
export const xattrFlags = { bits: { XATTR_CREATE: 1, XATTR_REPLACE: 2 } };

export const whences = named(unistd, /^SEEK_(?!MAX)/);
export const fcntlCommands = named(fcntl, /^F_(DUPFD|GET|SET|NOTIFY|CANCELLK|ADD_SEALS|OFD)/);
export const lockTypes = named(fcntl, /^F_(RDLCK|WRLCK|UNLCK)$/);
export const flockFlags = bits(fcntl, /^LOCK_/);
export const madvices = named(mman, /^MADV_/);
export const fadvices = named(advice, /^POSIX_FADV_/);
export const sigHow = named(signal, /^SIG_(BLOCK|UNBLOCK|SETMASK)$/);
export const futexOps = named(futex, /^FUTEX_(?!PRIVATE_FLAG|CLOCK|CMD|WAITERS|OWNER|TID|BITSET|OP_|32|WAITV|FD)(?!.*_PRIVATE$)/);
export const clocks = named(time, /^CLOCK_/);
export const itimers = named(time, /^ITIMER_/);
export const rlimits = named(resource, /^RLIMIT_/);
export const rusageWhos = named(resource, /^RUSAGE_/);
export const prioWhichs = named(resource, /^PRIO_(PROCESS|PGRP|USER)$/);
export const idTypes = named(wait, /^P_/);
export const schedPolicies = named(sched, /^SCHED_(NORMAL|FIFO|RR|BATCH|ISO|IDLE|DEADLINE)$/);
export const prctlOptions = named(
  prctl,
  /^PR_(?!SET_MM_|PAC_AP|SCHED_CORE_|\w*ONEXEC$)(GET|SET|CAPBSET|CAP_AMBIENT$|TASK|MCE_KILL$|PAC|SVE_[SG]ET|SME_[SG]ET|SCHED_CORE$)/,
);
export const archPrctlCodes = named(amd64, /^ARCH_/);
export const ptraceRequests = {
  ...named(ptrace, /^PTRACE_(?!O_|EVENT|SYSCALL_INFO_|PEEKSIGINFO_)/),
  ...named(amd64, /^PTRACE_/),
};
export const addressFamilies = named(socket, /^AF_(?!LOCAL|ROUTE|MAX)/);
export const socketTypes = named(socket, /^SOCK_(STREAM|DGRAM|RAW|RDM|SEQPACKET|DCCP|PACKET)$/);
export const socketTypeFlags = {
  bits: { SOCK_CLOEXEC: socket.SOCK_CLOEXEC, SOCK_NONBLOCK: socket.SOCK_NONBLOCK },
};
export const socketLevels = named(socket, /^SOL_/);
export const socketOptions = named(socket, /^SO_(?!GET_FILTER|DETACH_BPF)(?!.*_OLD$)/);
export const ipProtocols = named(inet, /^IPPROTO_(?!HOPOPTS|MAX)/);
export const tcpOptions = named(inet, /^TCP_(?!CA_|MD5SIG_|RECEIVE_ZEROCOPY_|ENCAP_|CM_INQ|NO_QUEUE|RECV_QUEUE|SEND_QUEUE|QUEUES_NR)/);
export const shutdownHows = { SHUT_RD: 0, SHUT_WR: 1, SHUT_RDWR: 2 };
export const epollOps = named(poll, /^EPOLL_CTL_/);
export const seccompOps = named(ptrace, /^SECCOMP_(SET_MODE|GET)/);
export const kcmpTypes = named(unistd, /^KCMP_/);
export const ipcCommands = named(ipc, /^(IPC_(RMID|SET|STAT|INFO)|GET(PID|VAL|ALL|NCNT|ZCNT)|SET(VAL|ALL))$/);
/** Every ioctl that the package knows, by request number. */
export const ioctlRequests = {
  ...named(tty, /^(TC(?!OO|IO|IF|OF|SA|ION|IOFF)|TIO)[A-Z0-9]+$/),
  ...named(
    fsIoctl,
    /^(FIO|FIBMAP|FIGETBSZ|FIFREEZE|FITHAW|FITRIM|FICLONE|FIDEDUPERANGE|FS_IOC_|BLK|NS_GET|RND|LOOP_(?!SET_STATUS_|CONFIGURE_))/,
  ),
  ...named(socket, /^SIO(?!GIFINDEX)(?!.*_OLD$)/),
  ...named(kcov, /^KCOV_(INIT_TRACE|ENABLE|DISABLE|REMOTE_ENABLE)$/),
  ...named(ptrace, /^SECCOMP_IOCTL/),
};

/** Names of the standard signals; aliases are left out. */
export const signals = named(signal, /^SIG(?!IOT|POLL|UNUSED|RTMIN|RTMAX|STKSZ|EV)[A-Z]+\d?$/);
