/** Where each constant comes from: our module and the headers that define its names. */

import * as advice from '../../src/advice.js';
import * as amd64 from '../../src/arch/amd64/constants.js';
import * as arm64 from '../../src/arch/arm64/constants.js';
import * as auxvec from '../../src/auxvec.js';
import * as bpfClassic from '../../src/bpf-classic.js';
import * as capability from '../../src/capability.js';
import * as dirent from '../../src/dirent.js';
import * as elf from '../../src/elf.js';
import * as errno from '../../src/errno.js';
import * as fcntl from '../../src/fcntl.js';
import * as fsIoctl from '../../src/fs-ioctl.js';
import * as futex from '../../src/futex.js';
import * as inet from '../../src/inet.js';
import * as inotify from '../../src/inotify.js';
import * as ipc from '../../src/ipc.js';
import * as kcov from '../../src/kcov.js';
import * as mman from '../../src/mman.js';
import * as mount from '../../src/mount.js';
import * as poll from '../../src/poll.js';
import * as prctl from '../../src/prctl.js';
import * as ptrace from '../../src/ptrace.js';
import * as resource from '../../src/resource.js';
import * as sched from '../../src/sched.js';
import * as signal from '../../src/signal.js';
import * as socket from '../../src/socket.js';
import * as stat from '../../src/stat.js';
import * as time from '../../src/time.js';
import * as tty from '../../src/tty.js';
import * as umount from '../../src/umount.js';
import * as unistd from '../../src/unistd.js';
import * as wait from '../../src/wait.js';
import * as xattr from '../../src/xattr.js';

/** One module of constants. */
export interface Source {
  readonly name: string;
  readonly module: Readonly<Record<string, unknown>>;
  readonly headers: readonly string[];
  /** Further headers of one architecture. */
  readonly amd64?: readonly string[];
  readonly arm64?: readonly string[];
}

const base = ['stddef.h', 'linux/types.h', 'linux/ioctl.h'];

export const sources: readonly Source[] = [
  { name: 'errno', module: errno, headers: [...base, 'errno.h'] },
  {
    name: 'fcntl',
    module: fcntl,
    headers: [...base, 'linux/fcntl.h', 'linux/openat2.h', 'linux/falloc.h', 'linux/close_range.h', 'linux/memfd.h', 'linux/seccomp.h'],
  },
  { name: 'stat', module: stat, headers: [...base, 'linux/stat.h'] },
  {
    name: 'unistd',
    module: unistd,
    headers: [
      ...base,
      'linux/fs.h',
      'unistd.h',
      'linux/limits.h',
      'linux/random.h',
      'linux/utsname.h',
      'sys/param.h',
      'linux/membarrier.h',
      'linux/reboot.h',
      'linux/kcmp.h',
      'sys/swap.h',
      'syslog.h',
    ],
  },
  { name: 'mman', module: mman, headers: [...base, 'linux/mman.h', 'linux/memfd.h', 'linux/userfaultfd.h', 'linux/mempolicy.h'] },
  { name: 'signal', module: signal, headers: [...base, 'linux/signal.h', 'linux/signalfd.h'] },
  {
    name: 'sched',
    module: sched,
    headers: [...base, 'linux/sched.h', 'linux/sched/types.h', 'linux/pidfd.h', 'linux/rseq.h', 'linux/capability.h'],
  },
  { name: 'capability', module: capability, headers: [...base, 'linux/capability.h', 'linux/securebits.h'] },
  { name: 'futex', module: futex, headers: [...base, 'linux/futex.h'] },
  { name: 'poll', module: poll, headers: [...base, 'asm/poll.h', 'linux/fcntl.h', 'linux/eventpoll.h', 'sys/eventfd.h'] },
  { name: 'wait', module: wait, headers: [...base, 'linux/wait.h'] },
  { name: 'prctl', module: prctl, headers: [...base, 'linux/prctl.h'], amd64: ['asm/prctl.h'] },
  { name: 'time', module: time, headers: [...base, 'linux/time.h', 'linux/timex.h', 'linux/timerfd.h', 'linux/rtc.h'] },
  { name: 'resource', module: resource, headers: [...base, 'linux/resource.h', 'linux/ioprio.h'] },
  { name: 'elf', module: elf, headers: [...base, 'linux/elf.h', 'linux/elf-em.h'] },
  { name: 'auxvec', module: auxvec, headers: [...base, 'linux/auxvec.h', 'asm/auxvec.h'], amd64: ['asm/hwcap2.h'], arm64: ['asm/hwcap.h'] },
  { name: 'mount', module: mount, headers: [...base, 'linux/fcntl.h', 'linux/mount.h', 'linux/magic.h', 'sys/statvfs.h', 'sys/quota.h'] },
  { name: 'inotify', module: inotify, headers: [...base, 'linux/inotify.h', 'linux/fanotify.h'] },
  { name: 'socket', module: socket, headers: [...base, 'sys/socket.h', 'linux/un.h', 'linux/sockios.h', 'linux/net.h'] },
  {
    name: 'inet',
    module: inet,
    headers: [
      ...base,
      'linux/in.h',
      'linux/in6.h',
      'linux/tcp.h',
      'linux/udp.h',
      'linux/if.h',
      'linux/netlink.h',
      'linux/if_arp.h',
      'linux/if_ether.h',
    ],
  },
  {
    name: 'tty',
    module: tty,
    headers: [...base, 'linux/serial.h', 'asm/termios.h', 'linux/tty_flags.h', 'linux/vt.h', 'linux/kd.h', 'linux/tty.h'],
  },
  {
    name: 'fs-ioctl',
    module: fsIoctl,
    headers: [
      ...base,
      'asm/ioctls.h',
      'linux/fs.h',
      'linux/fiemap.h',
      'linux/nsfs.h',
      'linux/loop.h',
      'linux/blktrace_api.h',
      'linux/random.h',
    ],
  },
  {
    name: 'ptrace',
    module: ptrace,
    headers: [...base, 'linux/ptrace.h', 'linux/seccomp.h', 'linux/audit.h'],
    amd64: ['asm/ptrace.h'],
    arm64: ['asm/ptrace.h'],
  },
  { name: 'bpf-classic', module: bpfClassic, headers: [...base, 'linux/filter.h', 'linux/bpf_common.h'] },
  { name: 'kcov', module: kcov, headers: [...base, 'linux/kcov.h'] },
  {
    name: 'ipc',
    module: ipc,
    headers: [...base, 'linux/ipc.h', 'linux/shm.h', 'linux/sem.h', 'linux/msg.h', 'linux/mqueue.h', 'linux/keyctl.h'],
  },
  { name: 'umount', module: umount, headers: [...base, 'sys/mount.h'] },
  { name: 'xattr', module: xattr, headers: [...base, 'linux/xattr.h'] },
  { name: 'dirent', module: dirent, headers: [...base, 'dirent.h'] },
  { name: 'advice', module: advice, headers: [...base, 'fcntl.h'] },
];

/** Constants of one architecture; their headers include nothing that clashes. */
export const ownOf = { amd64, arm64 } as const;
export const ownHeaders: readonly string[] = [
  ...base,
  'linux/fcntl.h',
  'linux/mman.h',
  'linux/signal.h',
  'linux/prctl.h',
  'linux/auxvec.h',
  'linux/ptrace.h',
  'asm/ptrace.h',
];
export const ownHeadersOf: Readonly<Record<'amd64' | 'arm64', readonly string[]>> = {
  amd64: ['asm/prctl.h', 'asm/hwcap2.h'],
  arm64: ['asm/hwcap.h'],
};

/** In no header that programs may include: internal to the kernel, or built into libc's macros. */
export const notInHeaders: ReadonlySet<string> = new Set([
  'ERESTARTSYS',
  'ERESTARTNOINTR',
  'ERESTARTNOHAND',
  'ENOIOCTLCMD',
  'ERESTART_RESTARTBLOCK',
  '_NSIG',
  'ST_VALID',
  'ST_NOSYMFOLLOW',
  'SIGRTMAX', // defined as _NSIG, which amd64's header has for the kernel only
]);
