/** Signals: `signal.h`, `siginfo.h`, `signalfd.h`. The signal frame itself is in `arch/`. */
import { pad, struct } from '../codec/composite.js';
import { i16, i32, i64, ptr, u16, u32, u64, u64pair, ulong } from '../codec/scalar.js';

/** Bytes of the kernel's signal set; what rt_sig* calls want as `sigsetsize`. */
export const SIGSET_SIZE = 8;

/** rt_sigaction(2): the kernel's form, which is not libc's. Bit n - 1 of `sa_mask` is signal n. */
export const Sigaction = struct('struct sigaction', { sa_handler: ptr, sa_flags: ulong, sa_restorer: ptr, sa_mask: u64pair });
/** sigaltstack(2): `stack_t`. */
export const SigaltStack = struct('struct sigaltstack', { ss_sp: ptr, ss_flags: i32, ss_size: ulong });

const head = { si_signo: i32, si_errno: i32, si_code: i32 };
const form = { align: 8 };

/** siginfo of kill(2), tkill(2) and the kernel. */
export const SiginfoKill = struct('siginfo_t', { ...head, _align: pad(0, 8), si_pid: i32, si_uid: u32, _rest: pad(104) }, form);
/** siginfo of POSIX timers. */
export const SiginfoTimer = struct(
  'siginfo_t',
  { ...head, _align: pad(0, 8), si_tid: i32, si_overrun: i32, si_value: u64pair, si_sys_private: i32, _rest: pad(92) },
  form,
);
/** siginfo of sigqueue(3), message queues and asynchronous I/O. */
export const SiginfoRt = struct(
  'siginfo_t',
  { ...head, _align: pad(0, 8), si_pid: i32, si_uid: u32, si_value: u64pair, _rest: pad(96) },
  form,
);
/** siginfo of SIGCHLD. */
export const SiginfoChld = struct(
  'siginfo_t',
  { ...head, _align: pad(0, 8), si_pid: i32, si_uid: u32, si_status: i32, si_utime: i64, si_stime: i64, _rest: pad(80) },
  form,
);
/** siginfo of SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP. */
export const SiginfoFault = struct('siginfo_t', { ...head, si_addr: u64pair, _rest: pad(104) }, form);
/** siginfo of BUS_MCEERR_*. */
export const SiginfoFaultMceerr = struct('siginfo_t', { ...head, si_addr: u64pair, si_addr_lsb: i16, _rest: pad(102) }, form);
/** siginfo of SEGV_BNDERR. */
export const SiginfoFaultBnderr = struct(
  'siginfo_t',
  { ...head, si_addr: u64pair, _dummy: pad(8), si_lower: u64pair, si_upper: u64pair, _rest: pad(80) },
  form,
);
/** siginfo of SEGV_PKUERR. */
export const SiginfoFaultPkuerr = struct('siginfo_t', { ...head, si_addr: u64pair, _dummy: pad(8), si_pkey: u32, _rest: pad(92) }, form);
/** siginfo of TRAP_PERF. */
export const SiginfoPerf = struct(
  'siginfo_t',
  { ...head, si_addr: u64pair, si_perf_data: u64pair, si_perf_type: u32, si_perf_flags: u32, _rest: pad(88) },
  form,
);
/** siginfo of SIGIO. */
export const SiginfoPoll = struct('siginfo_t', { ...head, si_band: i64, si_fd: i32, _rest: pad(100) }, form);
/** siginfo of SIGSYS. */
export const SiginfoSys = struct('siginfo_t', { ...head, si_call_addr: u64pair, si_syscall: i32, si_arch: u32, _rest: pad(96) }, form);

/** What read(2) on a signalfd gives. */
export const SignalfdSiginfo = struct('struct signalfd_siginfo', {
  ssi_signo: u32,
  ssi_errno: i32,
  ssi_code: i32,
  ssi_pid: u32,
  ssi_uid: u32,
  ssi_fd: i32,
  ssi_tid: u32,
  ssi_band: u32,
  ssi_overrun: u32,
  ssi_trapno: u32,
  ssi_status: i32,
  ssi_int: i32,
  ssi_ptr: u64pair,
  ssi_utime: u64,
  ssi_stime: u64,
  ssi_addr: u64pair,
  ssi_addr_lsb: u16,
  __pad2: pad(2, 2),
  ssi_syscall: i32,
  ssi_call_addr: u64pair,
  ssi_arch: u32,
  __pad: pad(28),
});
