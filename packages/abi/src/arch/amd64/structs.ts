/**
 * Structs whose layout on amd64 is amd64's own: `stat`, `epoll_event`, `semid64_ds`, and what signals and ptrace see of the registers.
 * Registers are pairs of 32-bit halves: every bit of them counts.
 */
import { array, pad, struct } from '../../codec/composite.js';
import { i64, long, u16, u32, u64, u64pair, ulong } from '../../codec/scalar.js';
import { Ipc64Perm } from '../../structs/ipc.js';
import { SigaltStack, SiginfoKill } from '../../structs/signal.js';

/** stat(2). */
export const Stat = struct('struct stat', {
  st_dev: ulong,
  st_ino: ulong,
  st_nlink: ulong,
  st_mode: u32,
  st_uid: u32,
  st_gid: u32,
  __pad0: pad(4, 4),
  st_rdev: ulong,
  st_size: long,
  st_blksize: long,
  st_blocks: long,
  st_atime: i64,
  st_atime_nsec: ulong,
  st_mtime: i64,
  st_mtime_nsec: ulong,
  st_ctime: i64,
  st_ctime_nsec: ulong,
  __unused: pad(24, 8),
});

/** epoll_ctl(2): packed, so 12 bytes. */
export const EpollEvent = struct('struct epoll_event', { events: u32, data: u64pair }, { packed: true });

/** semctl(IPC_STAT). */
export const Semid64Ds = struct('struct semid64_ds', {
  sem_perm: Ipc64Perm,
  sem_otime: i64,
  __unused1: pad(8, 8),
  sem_ctime: i64,
  __unused2: pad(8, 8),
  sem_nsems: ulong,
  __unused3: pad(16, 8),
});

/** Registers in a signal frame (`struct sigcontext_64`). */
export const Sigcontext = struct('struct sigcontext', {
  r8: u64pair,
  r9: u64pair,
  r10: u64pair,
  r11: u64pair,
  r12: u64pair,
  r13: u64pair,
  r14: u64pair,
  r15: u64pair,
  rdi: u64pair,
  rsi: u64pair,
  rbp: u64pair,
  rbx: u64pair,
  rdx: u64pair,
  rax: u64pair,
  rcx: u64pair,
  rsp: u64pair,
  rip: u64pair,
  eflags: u64pair,
  cs: u16,
  gs: u16,
  fs: u16,
  ss: u16,
  err: u64pair,
  trapno: u64pair,
  oldmask: u64pair,
  cr2: u64pair,
  fpstate: u64,
  reserved1: pad(64, 8),
});

/** A handler's third argument. */
export const Ucontext = struct('struct ucontext', {
  uc_flags: ulong,
  uc_link: u64,
  uc_stack: SigaltStack,
  uc_mcontext: Sigcontext,
  uc_sigmask: u64pair,
});
/** uc_flags: the FP state has the extended (XSAVE) part. */
export const UC_FP_XSTATE = 1;
/** uc_flags: `ss` in the sigcontext is valid. */
export const UC_SIGCONTEXT_SS = 2;
/** uc_flags: sigreturn restores `ss` as it is. */
export const UC_STRICT_RESTORE_SS = 4;

/**
 * What a signal delivery pushes (`struct rt_sigframe`): return address, context, siginfo. The FP state lies above it, at a multiple of
 * 64 that `fpstate` points to: {@link Fpstate}, then {@link XstateHeader} and the extended components, then FP_XSTATE_MAGIC2.
 */
export const RtSigframe = struct('struct rt_sigframe', { pretcode: u64, uc: Ucontext, info: SiginfoKill });

/** Bytes 464..511 of the FXSAVE image in a signal frame say how much extended state follows. */
export const FpxSwBytes = struct('struct _fpx_sw_bytes', {
  magic1: u32,
  extended_size: u32,
  xfeatures: u64pair,
  xstate_size: u32,
  padding: pad(28, 4),
});
/** The FXSAVE image (SDM vol. 1, 10.5.1) as a signal frame carries it. */
export const Fpstate = struct('struct _fpstate', {
  cwd: u16,
  swd: u16,
  twd: u16,
  fop: u16,
  rip: u64pair,
  rdp: u64pair,
  mxcsr: u32,
  mxcsr_mask: u32,
  st_space: array(u32, 32),
  xmm_space: array(u32, 64),
  reserved2: pad(48, 4),
  sw_reserved: FpxSwBytes,
});
/** Head of the extended part of an XSAVE area (SDM vol. 1, 13.4.2). */
export const XstateHeader = struct('struct _header', { xfeatures: u64pair, reserved1: array(u64pair, 2), reserved2: pad(40, 8) });
/** `magic1` of {@link FpxSwBytes}. */
export const FP_XSTATE_MAGIC1 = 0x46505853;
/** The word after the extended state. */
export const FP_XSTATE_MAGIC2 = 0x46505845;
export const FP_XSTATE_MAGIC2_SIZE = 4;

/** PTRACE_GETREGS, NT_PRSTATUS. */
export const UserRegs = struct('struct user_regs_struct', {
  r15: u64pair,
  r14: u64pair,
  r13: u64pair,
  r12: u64pair,
  rbp: u64pair,
  rbx: u64pair,
  r11: u64pair,
  r10: u64pair,
  r9: u64pair,
  r8: u64pair,
  rax: u64pair,
  rcx: u64pair,
  rdx: u64pair,
  rsi: u64pair,
  rdi: u64pair,
  orig_rax: u64pair,
  rip: u64pair,
  cs: u64pair,
  eflags: u64pair,
  rsp: u64pair,
  ss: u64pair,
  fs_base: u64pair,
  gs_base: u64pair,
  ds: u64pair,
  es: u64pair,
  fs: u64pair,
  gs: u64pair,
});
/** PTRACE_GETFPREGS, NT_PRFPREG. */
export const UserFpregs = struct('struct user_fpregs_struct', {
  cwd: u16,
  swd: u16,
  ftw: u16,
  fop: u16,
  rip: u64pair,
  rdp: u64pair,
  mxcsr: u32,
  mxcr_mask: u32,
  st_space: array(u32, 32),
  xmm_space: array(u32, 64),
  padding: pad(96, 4),
});
