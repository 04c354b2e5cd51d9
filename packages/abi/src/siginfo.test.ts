import { describe, expect, it } from 'vitest';
import { createSiginfo, readSiginfo, SIGINFO_SIZE, SiginfoForm, siginfoForm, writeSiginfo } from './siginfo.js';
import * as s from './signal.js';

describe('siginfoForm', () => {
  it.each([
    [s.SIGSEGV, s.SEGV_MAPERR, SiginfoForm.fault],
    [s.SIGSEGV, s.SEGV_BNDERR, SiginfoForm.faultBnderr],
    [s.SIGSEGV, s.SEGV_PKUERR, SiginfoForm.faultPkuerr],
    [s.SIGBUS, s.BUS_MCEERR_AO, SiginfoForm.faultMceerr],
    [s.SIGBUS, s.BUS_ADRERR, SiginfoForm.fault],
    [s.SIGTRAP, s.TRAP_PERF, SiginfoForm.perf],
    [s.SIGTRAP, s.TRAP_BRKPT, SiginfoForm.fault],
    [s.SIGCHLD, s.CLD_STOPPED, SiginfoForm.chld],
    [s.SIGCHLD, s.SI_USER, SiginfoForm.kill],
    [s.SIGCHLD, s.SI_TKILL, SiginfoForm.rt],
    [s.SIGPOLL, s.POLL_IN, SiginfoForm.poll],
    [s.SIGRTMIN, s.POLL_HUP, SiginfoForm.poll],
    [s.SIGUSR1, s.SI_SIGIO, SiginfoForm.poll],
    [s.SIGSYS, s.SYS_SECCOMP, SiginfoForm.sys],
    [s.SIGALRM, s.SI_TIMER, SiginfoForm.timer],
    [s.SIGALRM, s.SI_KERNEL, SiginfoForm.kill],
    [s.SIGUSR1, s.SI_QUEUE, SiginfoForm.rt],
    [s.SIGUSR1, 20, SiginfoForm.kill],
  ])('of signal %i with code %i is %i', (signo, code, form) => {
    expect(siginfoForm(signo, code)).toBe(form);
  });
});

describe('writeSiginfo', () => {
  const buffer = new Uint8Array(SIGINFO_SIZE + 8);
  const view = new DataView(buffer.buffer);

  it('writes the members of the form, zeroes elsewhere, and reads them back', () => {
    const info = createSiginfo();
    Object.assign(info, { si_signo: s.SIGCHLD, si_code: s.CLD_EXITED, si_pid: 42, si_uid: 1000, si_status: 3, si_utime: 7, si_fd: 99 });
    buffer.fill(0xaa);
    writeSiginfo(view, 4, info);
    expect([view.getInt32(4, true), view.getInt32(12, true), view.getInt32(20, true), view.getInt32(28, true)]).toEqual([17, 1, 42, 3]);
    expect(view.getUint32(16, true)).toBe(0); // the hole before the union
    expect(buffer.subarray(4 + 48, 4 + SIGINFO_SIZE).every((b) => b === 0)).toBe(true);
    expect([buffer[3], buffer[4 + SIGINFO_SIZE]]).toEqual([0xaa, 0xaa]);
    const out = createSiginfo();
    readSiginfo(view, 4, out);
    expect(out).toEqual({ ...info, si_fd: 0 });
  });

  it('keeps all bits of an address', () => {
    const info = createSiginfo();
    Object.assign(info, { si_signo: s.SIGSEGV, si_code: s.SEGV_MAPERR, si_addr: { lo: 0xffffffff, hi: 0xffff8000 } });
    writeSiginfo(view, 0, info);
    expect(view.getBigUint64(16, true)).toBe(0xffff8000ffffffffn);
    expect(readSiginfo(view, 0, createSiginfo()).si_addr).toEqual({ lo: 0xffffffff, hi: 0xffff8000 });
  });
});
