/** Which C type each codec is, and where the headers define it. */
import * as amd64 from '../../src/arch/amd64/structs.js';
import * as arm64 from '../../src/arch/arm64/structs.js';
import type { StructCodec } from '../../src/codec/composite.js';
import type { Arch } from '../../src/host.js';
import * as elf from '../../src/structs/elf.js';
import * as file from '../../src/structs/file.js';
import * as ipc from '../../src/structs/ipc.js';
import * as poll from '../../src/structs/poll.js';
import * as process from '../../src/structs/process.js';
import * as signal from '../../src/structs/signal.js';
import * as socket from '../../src/structs/socket.js';
import * as time from '../../src/structs/time.js';
import * as trace from '../../src/structs/trace.js';
import * as tty from '../../src/structs/tty.js';

/** One codec and its C type. */
export interface StructProof {
  // biome-ignore lint/suspicious/noExplicitAny: any struct
  readonly codec: StructCodec<any>;
  readonly type: string;
  /** C expression of a member, where it is not its name. */
  readonly member?: (name: string) => string;
  readonly only?: Arch;
}

/** Codecs that one set of headers proves. */
export interface StructGroup {
  readonly headers: readonly string[];
  /** C declarations after the headers, for structs that are internal to the kernel. */
  readonly declare?: string;
  readonly structs: readonly StructProof[];
}

// biome-ignore lint/suspicious/noExplicitAny: any struct
const of = (codec: StructCodec<any>, type = codec.name, member?: (name: string) => string, only?: Arch): StructProof => ({
  codec,
  type,
  ...(member && { member }),
  ...(only && { only }),
});
const renamed =
  (names: Readonly<Record<string, string>>) =>
  (name: string): string =>
    names[name] ?? name;

const siginfoMembers = renamed({ si_tid: '_sifields._timer._tid', si_sys_private: '_sifields._timer._sys_private', si_value: 'si_value' });

export const groups: readonly StructGroup[] = [
  {
    headers: ['time.h', 'sys/time.h', 'sys/times.h', 'utime.h', 'sys/timex.h', 'signal.h', 'linux/rtc.h'],
    declare: 'struct sigset_argpack { const void *p; unsigned long size; };',
    structs: [
      of(time.Timespec),
      of(time.Timeval),
      of(time.Timezone),
      of(time.Itimerspec),
      of(time.Itimerval),
      of(time.Tms),
      of(time.Utimbuf),
      of(time.Timex),
      of(time.Sigevent, 'struct sigevent', renamed({ sigev_notify_thread_id: '_sigev_un._tid' })),
      of(time.RtcTime),
      of(time.SigsetArgpack),
    ],
  },
  {
    headers: [
      'linux/stat.h',
      'asm/stat.h',
      'asm/statfs.h',
      'linux/fcntl.h',
      'linux/openat2.h',
      'linux/inotify.h',
      'linux/uio.h',
      'linux/mount.h',
      'linux/fs.h',
      'linux/fiemap.h',
    ],
    declare: `struct linux_dirent64 { __u64 d_ino; __s64 d_off; unsigned short d_reclen; unsigned char d_type; char d_name[]; };
struct linux_dirent { unsigned long d_ino; unsigned long d_off; unsigned short d_reclen; char d_name[]; };
struct file_handle { __u32 handle_bytes; int handle_type; unsigned char f_handle[]; };`,
    structs: [
      of(file.StatxTimestamp),
      of(file.Statx),
      of(file.Statfs),
      of(file.LinuxDirent64),
      of(file.LinuxDirent),
      of(file.Flock),
      of(file.FOwnerEx),
      of(file.OpenHow),
      of(file.FileHandle),
      of(file.MountAttr),
      of(file.InotifyEvent),
      of(file.Iovec),
      of(file.FileCloneRange),
      of(file.FstrimRange),
      of(file.Fsxattr),
      of(file.Fiemap),
      of(file.FiemapExtent),
      of(amd64.Stat, 'struct stat', undefined, 'amd64'),
      of(arm64.Stat, 'struct stat', undefined, 'arm64'),
    ],
  },
  { headers: ['fcntl.h'], structs: [of(file.FileHandle)] },
  {
    headers: [
      'linux/resource.h',
      'linux/sysinfo.h',
      'linux/utsname.h',
      'linux/sched.h',
      'linux/sched/types.h',
      'linux/futex.h',
      'linux/rseq.h',
      'linux/capability.h',
      'linux/prctl.h',
    ],
    declare: 'struct vfs_cap_word { __le32 permitted, inheritable; };',
    structs: [
      of(process.Rusage),
      of(process.Rlimit),
      of(process.Sysinfo),
      of(process.Utsname),
      of(process.CloneArgs),
      of(process.SchedAttr),
      of(process.RobustListHead),
      of(process.FutexWaitv),
      of(process.Rseq),
      of(process.RseqCs),
      of(process.CapHeader),
      of(process.CapData),
      of(process.VfsCapData),
      of(process.VfsNsCapData),
      of(process.PrctlMmMap),
    ],
  },
  { headers: ['sched.h'], structs: [of(process.SchedParam)] },
  {
    headers: ['linux/types.h', 'asm/signal.h', 'asm/siginfo.h', 'linux/signalfd.h'],
    structs: [
      of(signal.Sigaction),
      of(signal.SigaltStack),
      of(signal.SiginfoKill),
      of(signal.SiginfoTimer, 'siginfo_t', siginfoMembers),
      of(signal.SiginfoRt, 'siginfo_t', siginfoMembers),
      of(signal.SiginfoChld),
      of(signal.SiginfoFault),
      of(signal.SiginfoFaultMceerr),
      of(signal.SiginfoFaultBnderr),
      of(signal.SiginfoFaultPkuerr),
      of(signal.SiginfoPerf),
      of(signal.SiginfoPoll),
      of(signal.SiginfoSys),
      of(signal.SignalfdSiginfo),
    ],
  },
  {
    headers: ['linux/types.h', 'asm/signal.h', 'asm/siginfo.h', 'asm/sigcontext.h', 'asm/ucontext.h'],
    declare: `#if defined(__x86_64__)
struct rt_sigframe { char *pretcode; struct ucontext uc; siginfo_t info; };
#else
struct rt_sigframe { siginfo_t info; struct ucontext uc; };
#endif`,
    structs: [
      of(amd64.Sigcontext, undefined, undefined, 'amd64'),
      of(amd64.Ucontext, undefined, undefined, 'amd64'),
      of(amd64.RtSigframe, undefined, undefined, 'amd64'),
      of(amd64.FpxSwBytes, undefined, undefined, 'amd64'),
      of(amd64.Fpstate, 'struct _fpstate_64', undefined, 'amd64'),
      of(amd64.XstateHeader, undefined, undefined, 'amd64'),
      of(arm64.Sigcontext, undefined, undefined, 'arm64'),
      of(arm64.Ucontext, undefined, undefined, 'arm64'),
      of(arm64.RtSigframe, undefined, undefined, 'arm64'),
      of(arm64.Aarch64Ctx, undefined, undefined, 'arm64'),
      of(arm64.FpsimdContext, undefined, undefined, 'arm64'),
      of(arm64.EsrContext, undefined, undefined, 'arm64'),
      of(arm64.ExtraContext, undefined, undefined, 'arm64'),
    ],
  },
  {
    headers: ['sys/user.h', 'asm/ptrace.h'],
    structs: [
      of(amd64.UserRegs, undefined, undefined, 'amd64'),
      of(amd64.UserFpregs, undefined, undefined, 'amd64'),
      of(arm64.UserRegs, undefined, undefined, 'arm64'),
      of(arm64.UserFpregs, undefined, undefined, 'arm64'),
    ],
  },
  {
    headers: ['poll.h', 'linux/eventpoll.h'],
    structs: [of(poll.Pollfd), of(amd64.EpollEvent, undefined, undefined, 'amd64'), of(arm64.EpollEvent, undefined, undefined, 'arm64')],
  },
  {
    headers: ['sys/socket.h', 'sys/un.h', 'netinet/in.h', 'net/if.h', 'linux/netlink.h', 'linux/if_packet.h', 'linux/filter.h'],
    structs: [
      of(socket.Msghdr),
      of(socket.Mmsghdr),
      of(socket.Cmsghdr),
      of(socket.Ucred),
      of(socket.Linger),
      of(socket.Sockaddr),
      of(socket.SockaddrStorage),
      of(socket.SockaddrUn),
      of(socket.SockaddrIn),
      of(socket.SockaddrIn6),
      of(socket.SockaddrNl),
      of(socket.SockaddrLl),
      of(socket.IpMreqn),
      of(socket.InPktinfo),
      of(socket.Ipv6Mreq, undefined, renamed({ ipv6mr_ifindex: 'ipv6mr_interface' })),
      of(socket.In6Pktinfo),
      of(socket.Ifreq, undefined, renamed({ ifr_name: 'ifr_name' })),
      of(socket.Ifconf),
      of(socket.Nlmsghdr),
      of(socket.Nlmsgerr),
      of(socket.Nlattr),
      of(socket.SockFilter),
      of(socket.SockFprog),
    ],
  },
  { headers: ['asm/termios.h'], structs: [of(tty.Termios), of(tty.Termios2), of(tty.Termio), of(tty.Winsize)] },
  {
    headers: ['elf.h'],
    structs: [
      of(elf.Elf64Ehdr),
      of(elf.Elf64Phdr),
      of(elf.Elf64Shdr),
      of(elf.Elf64Sym),
      of(elf.Elf64Rela),
      of(elf.Elf64Dyn),
      of(elf.Elf64Nhdr),
      of(elf.Elf64Auxv, undefined, renamed({ a_val: 'a_un.a_val' })),
    ],
  },
  {
    headers: ['linux/types.h', 'linux/ptrace.h', 'linux/seccomp.h', 'linux/kcov.h'],
    structs: [
      of(trace.SeccompData),
      of(trace.SeccompNotifSizes),
      of(trace.SeccompNotif),
      of(trace.SeccompNotifResp),
      of(trace.PtracePeeksiginfoArgs),
      of(trace.PtraceSyscallInfoEntry, undefined, renamed({ nr: 'entry.nr', args: 'entry.args' })),
      of(trace.PtraceSyscallInfoExit, undefined, renamed({ rval: 'exit.rval', is_error: 'exit.is_error' })),
      of(trace.KcovRemoteArg),
    ],
  },
  {
    headers: ['linux/types.h', 'linux/ipc.h', 'linux/sem.h', 'linux/shm.h', 'linux/msg.h', 'linux/mqueue.h'],
    structs: [
      of(ipc.Ipc64Perm),
      of(ipc.Sembuf),
      of(ipc.Shmid64Ds),
      of(ipc.Msqid64Ds),
      of(ipc.Shminfo64),
      of(ipc.MqAttr),
      of(amd64.Semid64Ds, undefined, undefined, 'amd64'),
      of(arm64.Semid64Ds, undefined, undefined, 'arm64'),
    ],
  },
];
