import { ACCESS_EXECUTE, ACCESS_WRITE, EVENT_SIGNAL, EVENT_SIGNAL_MAYBE_CPUID, EVENT_SYSCALL, REG } from '@sbx/platform';
import { describe, expect, test } from 'vitest';
import { CPU_IS_EMULATED, FAULTS, SIGILL, SIGSEGV, SIGTRAP, TRAP_FLAG } from './faults.js';
import { at, faultAddress64, get64, type MakePlatform, useMachine } from './harness.js';

const TRAP_TRACE = 2;

/** Every kind of fault, with what Linux reports for it. */
export function faultsSuite(make: MakePlatform): void {
  describe('faults', () => {
    const machine = useMachine(make);

    const lacking = CPU_IS_EMULATED ? FAULTS.filter((fault) => fault.realCpuOnly) : [];
    if (lacking.length > 0) console.warn(`QEMU does not emulate, so not tested here: ${lacking.map(({ name }) => name).join(', ')}`);
    test.each(FAULTS.filter((fault) => !lacking.includes(fault)).map((fault) => [fault.name, fault] as const))('%s', async (_, fault) => {
      const { as, data } = await machine().space();
      data.bytes.set(fault.data ?? []);
      const thread = machine().thread(as, fault.entry);
      if (fault.rip !== undefined) thread.set(REG.rip, fault.rip);
      if (fault.rdi !== undefined) thread.set(REG.rdi, fault.rdi);
      if (fault.rsp !== undefined) thread.set(REG.rsp, fault.rsp);
      const event = thread.run();
      const { signo, sigcode, access, vector, errorCode } = thread.page;
      const rip = get64(thread.page, REG.rip);
      const pc = BigInt(typeof fault.pc === 'string' ? at(fault.pc) : (fault.pc ?? rip));
      expect({ event: event === EVENT_SIGNAL_MAYBE_CPUID ? EVENT_SIGNAL : event, signo, rip }).toEqual({
        event: EVENT_SIGNAL,
        signo: fault.signo,
        rip: pc,
      });
      expect(faultAddress64(thread.page)).toBe(fault.address === 'pc' ? pc : BigInt(fault.address));
      if (fault.code !== undefined) expect(sigcode).toBe(fault.code);
      if (fault.vector !== undefined) expect(vector).toBe(fault.vector);
      if (fault.access !== undefined) {
        expect(access).toBe(fault.access);
        expect(errorCode & 0b10110).toBe((fault.access === ACCESS_WRITE ? 2 : 0) | 4 | (fault.access === ACCESS_EXECUTE ? 16 : 0));
      }
      // The context is as good as new afterwards.
      thread.goto('one_syscall');
      expect(thread.run()).toBe(EVENT_SYSCALL);
    });

    test('single steps report each instruction', async () => {
      const { as } = await machine().space();
      const thread = machine().thread(as, 'nops');
      thread.set(REG.rflags, 0x202 | TRAP_FLAG);
      for (const label of ['nops_1', 'nops_2', 'nops_3'] as const) {
        expect(thread.run()).toBe(EVENT_SIGNAL);
        const { signo, sigcode } = thread.page;
        expect({ signo, sigcode, rip: thread.get(REG.rip) }).toEqual({ signo: SIGTRAP, sigcode: TRAP_TRACE, rip: at(label) });
        expect(faultAddress64(thread.page)).toBe(BigInt(at(label)));
      }
      thread.set(REG.rflags, 0x202);
      expect(thread.run()).toBe(EVENT_SYSCALL);
    });

    test('a single step over a system call traps after the instruction that follows it', async () => {
      const { as } = await machine().space();
      const thread = machine().thread(as, 'write_flags');
      thread.set(REG.rdi, 0x202 | TRAP_FLAG);
      expect(thread.run()).toBe(EVENT_SIGNAL);
      expect(thread.get(REG.rip)).toBe(at('write_flags_trap'));
      expect(thread.run()).toBe(EVENT_SYSCALL);
      expect(thread.get(REG.rip)).toBe(at('write_flags_syscall_end'));
      expect(thread.get(REG.rflags) & TRAP_FLAG).toBe(TRAP_FLAG);
      expect(thread.run()).toBe(EVENT_SIGNAL);
      expect([thread.page.signo, thread.get(REG.rip)]).toEqual([SIGTRAP, at('write_flags_second_trap')]);
      thread.set(REG.rflags, 0x202);
      expect(thread.run()).toBe(EVENT_SYSCALL);
    });

    test('sysenter is refused', async () => {
      const { as } = await machine().space();
      const thread = machine().thread(as, 'sysenter_entry');
      expect([EVENT_SIGNAL, EVENT_SIGNAL_MAYBE_CPUID]).toContain(thread.run());
      expect([SIGSEGV, SIGILL]).toContain(thread.page.signo);
    });

    test('CPUID is answered, or reported as such', async () => {
      const { as } = await machine().space();
      const thread = machine().thread(as, 'cpuid_leaf');
      const event = thread.run();
      if (event === EVENT_SYSCALL) expect(thread.get(REG.rbx)).toBeGreaterThan(0);
      else expect([event, thread.get(REG.rip)]).toEqual([EVENT_SIGNAL_MAYBE_CPUID, at('cpuid_leaf_pc')]);
    });

    test('the time stamp counter can be read and goes forward', async () => {
      const { as } = await machine().space();
      const thread = machine().thread(as, 'read_tsc');
      let last = 0n;
      for (let i = 0; i < 20; i++) {
        thread.goto('read_tsc');
        thread.runToSyscall();
        const [first, second] = [get64(thread.page, REG.rbx), get64(thread.page, REG.rbp)];
        expect(first > last && second >= first).toBe(true);
        last = second;
      }
    });

    test('a thousand faults in a row', async () => {
      const { as } = await machine().space();
      const thread = machine().thread(as, 'load_rdi');
      for (let i = 0; i < 1000; i++) {
        thread.set(REG.rdi, 0x5000_0000 + i * 8);
        thread.runToFault(0x5000_0000 + i * 8, 1);
      }
    });
  });
}
