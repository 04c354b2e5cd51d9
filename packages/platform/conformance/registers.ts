import { EVENT_SIGNAL, EVENT_SIGNAL_MAYBE_CPUID, EVENT_SYSCALL, REG } from '@sbx/platform';
import { describe, expect, test } from 'vitest';
import { SIGTRAP } from './faults.js';
import { at, get64, type MakePlatform, Random, set64, type Thread, useMachine } from './harness.js';
import { DATA, type GuestLabel } from './layout.js';

const GENERAL = ['rax', 'rbx', 'rcx', 'rdx', 'rsi', 'rdi', 'rbp', 'rsp', 'r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'] as const;
/** CF, PF, AF, ZF, SF, DF, OF, ID: what application code may set without consequences. */
const HARMLESS_FLAGS = 0x20_0cd5;
const RESUME_FLAG = 0x1_0000n;
const ALL = 0xffff_ffff_ffff_ffffn;

type Values = Record<(typeof GENERAL)[number], bigint>;

function load(thread: Thread, entry: GuestLabel, random: Random): Values {
  thread.goto(entry);
  const values = {} as Values;
  for (const name of GENERAL) {
    values[name] = random.u64();
    set64(thread.page, REG[name], values[name]);
  }
  return values;
}

function inverted(values: Values): Values {
  return Object.fromEntries(GENERAL.map((name) => [name, values[name] ^ ALL])) as Values;
}

function read(thread: Thread): Values {
  return Object.fromEntries(GENERAL.map((name) => [name, get64(thread.page, REG[name])])) as Values;
}

/** Every register goes in and comes out, through system calls and through exceptions. */
export function registersSuite(make: MakePlatform): void {
  describe('registers', () => {
    const machine = useMachine(make);

    test('all 16 and the flags pass through an exception', async () => {
      const { as } = await machine().space();
      const thread = machine().thread(as, 'not_int3');
      const random = new Random(1);
      for (let i = 0; i < 100; i++) {
        const values = load(thread, 'not_int3', random);
        const flags = (random.u32() & HARMLESS_FLAGS) | 0x202;
        thread.set(REG.rflags, flags);
        expect(thread.run()).toBe(EVENT_SIGNAL);
        expect(thread.page.signo).toBe(SIGTRAP);
        expect(read(thread)).toEqual(inverted(values));
        expect(thread.get(REG.rip)).toBe(at('not_int3_end'));
        expect(get64(thread.page, REG.rflags) & ~RESUME_FLAG).toBe(BigInt(flags));
      }
    });

    test('all pass through a system call; rcx and r11 are as SYSCALL leaves them', async () => {
      const { as } = await machine().space();
      const thread = machine().thread(as, 'not_syscall');
      const random = new Random(2);
      for (let i = 0; i < 100; i++) {
        const values = inverted(load(thread, 'not_syscall', random));
        const flags = (random.u32() & HARMLESS_FLAGS) | 0x202;
        thread.set(REG.rflags, flags);
        expect(thread.run()).toBe(EVENT_SYSCALL);
        const rip = BigInt(at('not_syscall_end'));
        // In the event the number is in origRax; what rax holds is not specified.
        expect({ ...read(thread), rax: 0n }).toEqual({ ...values, rax: 0n, rcx: rip, r11: BigInt(flags) });
        expect(get64(thread.page, REG.origRax)).toBe(values.rax);
        expect(thread.page.sysno).toBe(Number(values.rax & 0xffff_ffffn));
        expect(get64(thread.page, REG.rip)).toBe(rip);
        expect(get64(thread.page, REG.rflags)).toBe(BigInt(flags));

        // The plain return from a system call: only the result was set.
        thread.page.setResult(-38);
        expect(thread.run()).toBe(EVENT_SIGNAL);
        expect(thread.get(REG.rip)).toBe(at('not_syscall_int3_end'));
        expect(read(thread)).toEqual(inverted({ ...values, rax: BigInt.asUintN(64, -38n), rcx: rip, r11: BigInt(flags) }));
      }
    });

    test('every register can be changed between a system call and the return, rcx and r11 included', async () => {
      const { as } = await machine().space();
      const thread = machine().thread(as, 'one_syscall');
      const random = new Random(3);
      for (let i = 0; i < 50; i++) {
        load(thread, 'one_syscall', random);
        expect(thread.run()).toBe(EVENT_SYSCALL);
        const values = load(thread, 'not_int3', random);
        expect(thread.run()).toBe(EVENT_SIGNAL);
        expect(read(thread)).toEqual(inverted(values));
      }
    });

    test('arguments arrive in the order of the system-call convention', async () => {
      const { as } = await machine().space();
      const thread = machine().thread(as, 'one_syscall');
      [REG.rdi, REG.rsi, REG.rdx, REG.r10, REG.r8, REG.r9].forEach((reg, i) => {
        thread.set(reg, 0x1_0000_0000 * (i + 1) + i);
      });
      thread.set(REG.rax, 0x1_0000_0027);
      thread.runToSyscall();
      expect(thread.page.sysno).toBe(0x27);
      expect([0, 1, 2, 3, 4, 5].map((i) => thread.page.argAddress(i))).toEqual([0, 1, 2, 3, 4, 5].map((i) => 0x1_0000_0000 * (i + 1) + i));
    });

    test('FS and GS base can be set, are used, and are kept across other contexts', async () => {
      const { as, data } = await machine().space(2);
      const [a, b] = [machine().thread(as, 'read_bases', 0), machine().thread(as, 'read_bases', 1)];
      for (let i = 0; i < 512; i++) data.i32[i * 2] = i;
      const random = new Random(4);
      [a, b].forEach((thread, i) => {
        thread.set(REG.fsBase, DATA + i * 0x100);
        thread.set(REG.gsBase, DATA + i * 0x200);
        thread.context.pushState();
      });
      for (let i = 0; i < 40; i++) {
        const [thread, index] = random.below(2) === 0 ? [a, 0] : [b, 1];
        thread.runToSyscall();
        expect(thread.page.sysno).toBe((index * 0x100) / 8);
        expect(thread.get(REG.rbx)).toBe((index * 0x200) / 8 + 1);
        if (i % 3 !== 0) continue;
        thread.context.pullState();
        expect([thread.get(REG.fsBase), thread.get(REG.gsBase)]).toEqual([DATA + index * 0x100, DATA + index * 0x200]);
      }
      b.context.pullState();
      b.set(REG.fsBase, DATA + 0x808);
      b.context.pushState();
      b.runToSyscall();
      expect(b.page.sysno).toBe(0x101);
      a.runToSyscall();
      expect(a.page.sysno).toBe(0);
    });

    test('bases that the guest sets itself are seen by pullState and kept', async () => {
      const { as } = await machine().space(2);
      const [a, b] = [machine().thread(as, 'write_bases', 0), machine().thread(as, 'write_bases', 1)];
      const set = (thread: Thread, fs: bigint, gs: bigint) => {
        thread.goto('write_bases');
        thread.set(REG.rdi, fs);
        thread.set(REG.rsi, gs);
        return thread.run();
      };
      if (set(a, 0x1234_5678_9abcn, 0xffff_8765_4321_0000n) === EVENT_SIGNAL) return; // the processor has no FSGSBASE: #UD
      expect(set(b, 1n, 2n)).toBe(EVENT_SYSCALL);
      a.context.pullState();
      expect([get64(a.page, REG.fsBase), get64(a.page, REG.gsBase)]).toEqual([0x1234_5678_9abcn, 0xffff_8765_4321_0000n]);
      a.runToSyscall();
      expect([get64(a.page, REG.rdi), get64(a.page, REG.rsi)]).toEqual([0x1234_5678_9abcn, 0xffff_8765_4321_0000n]);
      b.runToSyscall();
      expect([b.get(REG.rdi), b.get(REG.rsi)]).toEqual([1, 2]);
    });

    test('the code and stack segments are those of 64-bit Linux', async () => {
      const { as } = await machine().space();
      const thread = machine().thread(as, 'read_selectors');
      thread.runToSyscall();
      expect([thread.get(REG.rbx), thread.get(REG.rbp)]).toEqual([0x33, 0x2b]);
      // Whatever the kernel has stored there.
      thread.goto('read_selectors');
      thread.set(REG.cs, 0x10);
      thread.set(REG.ss, 0x18);
      thread.runToSyscall();
      expect([thread.get(REG.rbx), thread.get(REG.rbp)]).toEqual([0x33, 0x2b]);
    });

    test('flags that would give away the processor are not loaded', async () => {
      const { as } = await machine().space();
      const thread = machine().thread(as, 'read_flags');
      thread.set(REG.rflags, 0xffff_fffe_0003_f000n); // IOPL, NT, RF, VM, reserved bits; IF clear
      thread.runToSyscall();
      const flags = thread.get(REG.rbx);
      expect(flags & 0x200).toBe(0x200);
      expect((flags >> 12) & 3).toBeLessThan(3);
      expect(flags & 0x2_0000).toBe(0);
      thread.goto('privileged_cli');
      expect([EVENT_SIGNAL, EVENT_SIGNAL_MAYBE_CPUID]).toContain(thread.run());
    });

    test('a new context starts with zero registers', () => {
      const first = machine().context();
      for (let reg = 0; reg < 27; reg++) set64(first.page, reg, 0xdead_beef_dead_beefn);
      machine().releaseContext(first);
      for (let i = 0; i < 5; i++) {
        const { page } = machine().context();
        for (let reg = 0; reg < 27; reg++) if (reg !== REG.cs && reg !== REG.ss) expect(get64(page, reg)).toBe(0n);
      }
    });
  });
}
