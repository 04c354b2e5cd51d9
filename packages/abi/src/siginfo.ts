/**
 * `siginfo_t` in all its forms as one flat, reusable object, with the rule by which signal number and code choose the form
 * (the kernel's siginfo_layout).
 */
import type { Codec } from './codec/codec.js';
import * as s from './signal.js';
import * as f from './structs/signal.js';

/** Which members of the union in `siginfo_t` are meant. */
export const SiginfoForm = {
  kill: 0,
  timer: 1,
  poll: 2,
  fault: 3,
  faultMceerr: 4,
  faultBnderr: 5,
  faultPkuerr: 6,
  perf: 7,
  chld: 8,
  rt: 9,
  sys: 10,
} as const;
export type SiginfoForm = (typeof SiginfoForm)[keyof typeof SiginfoForm];

const codecs: readonly Codec<unknown>[] = [
  f.SiginfoKill,
  f.SiginfoTimer,
  f.SiginfoPoll,
  f.SiginfoFault,
  f.SiginfoFaultMceerr,
  f.SiginfoFaultBnderr,
  f.SiginfoFaultPkuerr,
  f.SiginfoPerf,
  f.SiginfoChld,
  f.SiginfoRt,
  f.SiginfoSys,
];

/** sizeof(siginfo_t). */
export const SIGINFO_SIZE = 128;

/** Every member that some form of `siginfo_t` has, named as in C. 64-bit members that need all bits are pairs. */
export interface Siginfo {
  si_signo: number;
  si_errno: number;
  si_code: number;
  si_pid: number;
  si_uid: number;
  si_tid: number;
  si_overrun: number;
  si_sys_private: number;
  si_value: { lo: number; hi: number };
  si_status: number;
  /** CPU times of a child, in clock ticks (sysconf(_SC_CLK_TCK): 10 ms). */
  si_utime: number;
  si_stime: number;
  si_addr: { lo: number; hi: number };
  si_addr_lsb: number;
  si_lower: { lo: number; hi: number };
  si_upper: { lo: number; hi: number };
  si_pkey: number;
  si_perf_data: { lo: number; hi: number };
  si_perf_type: number;
  si_perf_flags: number;
  si_band: number;
  si_fd: number;
  si_call_addr: { lo: number; hi: number };
  si_syscall: number;
  si_arch: number;
}

/** A `Siginfo` of zeroes. */
export function createSiginfo(): Siginfo {
  return {
    si_signo: 0,
    si_errno: 0,
    si_code: 0,
    si_pid: 0,
    si_uid: 0,
    si_tid: 0,
    si_overrun: 0,
    si_sys_private: 0,
    si_value: { lo: 0, hi: 0 },
    si_status: 0,
    si_utime: 0,
    si_stime: 0,
    si_addr: { lo: 0, hi: 0 },
    si_addr_lsb: 0,
    si_lower: { lo: 0, hi: 0 },
    si_upper: { lo: 0, hi: 0 },
    si_pkey: 0,
    si_perf_data: { lo: 0, hi: 0 },
    si_perf_type: 0,
    si_perf_flags: 0,
    si_band: 0,
    si_fd: 0,
    si_call_addr: { lo: 0, hi: 0 },
    si_syscall: 0,
    si_arch: 0,
  };
}

// Largest si_code of each signal that has codes of its own.
const NSIGILL = 11;
const NSIGFPE = 15;
const NSIGSEGV = 9;
const NSIGBUS = 5;
const NSIGTRAP = 6;
const NSIGCHLD = 6;
const NSIGPOLL = 6;
const NSIGSYS = 2;

/**
 * The form of a siginfo, from its signal number and code, as siginfo_layout in Linux's kernel/signal.c decides.
 *
 * @example
 * import { SEGV_MAPERR, SI_USER, SIGSEGV, SiginfoForm, siginfoForm } from '@sbx/abi';
 *
 * siginfoForm(SIGSEGV, SEGV_MAPERR) === SiginfoForm.fault; // true: the kernel found a bad address
 * siginfoForm(SIGSEGV, SI_USER) === SiginfoForm.kill; // true: somebody called kill(2)
 */
export function siginfoForm(signo: number, code: number): SiginfoForm {
  if (code <= s.SI_USER || code >= s.SI_KERNEL) {
    if (code === s.SI_TIMER) return SiginfoForm.timer;
    if (code === s.SI_SIGIO) return SiginfoForm.poll;
    return code < 0 ? SiginfoForm.rt : SiginfoForm.kill;
  }
  switch (signo) {
    case s.SIGILL:
      if (code <= NSIGILL) return SiginfoForm.fault;
      break;
    case s.SIGFPE:
      if (code <= NSIGFPE) return SiginfoForm.fault;
      break;
    case s.SIGSEGV:
      if (code === s.SEGV_BNDERR) return SiginfoForm.faultBnderr;
      if (code === s.SEGV_PKUERR) return SiginfoForm.faultPkuerr;
      if (code <= NSIGSEGV) return SiginfoForm.fault;
      break;
    case s.SIGBUS:
      if (code === s.BUS_MCEERR_AR || code === s.BUS_MCEERR_AO) return SiginfoForm.faultMceerr;
      if (code <= NSIGBUS) return SiginfoForm.fault;
      break;
    case s.SIGTRAP:
      if (code === s.TRAP_PERF) return SiginfoForm.perf;
      if (code <= NSIGTRAP) return SiginfoForm.fault;
      break;
    case s.SIGCHLD:
      if (code <= NSIGCHLD) return SiginfoForm.chld;
      break;
    case s.SIGPOLL:
      if (code <= NSIGPOLL) return SiginfoForm.poll;
      break;
    case s.SIGSYS:
      if (code <= NSIGSYS) return SiginfoForm.sys;
      break;
  }
  return code <= NSIGPOLL ? SiginfoForm.poll : SiginfoForm.kill;
}

/**
 * Writes 128 bytes: the members that the form has, zeroes elsewhere.
 *
 * @example
 * import { createSiginfo, readSiginfo, SI_USER, SIGINFO_SIZE, SIGTERM, writeSiginfo } from '@sbx/abi';
 *
 * const view = new DataView(new ArrayBuffer(SIGINFO_SIZE));
 * writeSiginfo(view, 0, { ...createSiginfo(), si_signo: SIGTERM, si_code: SI_USER, si_pid: 42, si_status: 7 });
 * const info = readSiginfo(view, 0, createSiginfo());
 * info.si_pid; // 42
 * info.si_status; // 0: the form has no such member
 */
export function writeSiginfo(view: DataView, offset: number, info: Siginfo): void {
  codecs[siginfoForm(info.si_signo, info.si_code)]!.write(view, offset, info);
}

/** Reads the members that the form has into `out`, and leaves its others alone. */
export function readSiginfo(view: DataView, offset: number, out: Siginfo): Siginfo {
  const form = siginfoForm(view.getInt32(offset, true), view.getInt32(offset + 8, true));
  return codecs[form]!.read(view, offset, out) as Siginfo;
}
