import { REG } from '@sbx/platform';
import type { Rule } from './filters.js';
import * as layout from './layout.js';
import { CODE, DATA, FAKE_FRAME, FAKE_LINE, FAKE_SLOT, type Registers, routineAddress } from './victim.js';

/** A set of registers to begin with, at any place of the stub's text. */
export interface RegisterFile {
  readonly name: string;
  readonly registers: Registers;
}

const ARGUMENTS = ['rdi', 'rsi', 'rdx', 'r10', 'r8', 'r9'] as const;
const ALL = (Object.keys(REG) as (keyof Registers)[]).filter((name) => !/^(rip|rflags|cs|ss|origRax|..?Base)$/.test(name));
const X32 = 0x40000000n;
const MINUS_1 = 2n ** 64n - 1n;
const MINUS_100 = MINUS_1 - 99n;
const data = BigInt(DATA);
const stack = data + 0xf000n;

/** A small reproducible generator (xorshift64). */
export class Random {
  #state: bigint;
  constructor(seed: number) {
    this.#state = (BigInt(seed) << 1n) | 1n;
    for (let i = 0; i < 8; i++) this.u64();
  }
  u64(): bigint {
    let x = this.#state;
    x ^= (x << 13n) & MINUS_1;
    x ^= x >> 7n;
    x ^= (x << 17n) & MINUS_1;
    this.#state = x;
    return x;
  }
  below(n: number): number {
    return Number(this.u64() % BigInt(n));
  }
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
}

function call(nr: bigint | number, ...args: (bigint | number)[]): Registers {
  const registers: Registers = { rax: BigInt(nr), rsp: stack };
  for (const [i, value] of args.entries()) registers[ARGUMENTS[i]!] = BigInt.asUintN(64, BigInt(value));
  return registers;
}

const everywhere = (value: bigint): Registers => Object.fromEntries(ALL.map((name) => [name, value]));

/** Addresses that are worth something to an attacker, or to nobody. */
const addresses = (): bigint[] => [
  0n,
  MINUS_1,
  data,
  data + BigInt(FAKE_SLOT),
  data + BigInt(FAKE_FRAME),
  BigInt(CODE),
  layout.slotAddress(0),
  layout.slotAddress(1),
  layout.slotAddress(0) + layout.SLOT_IMAGE,
  layout.lineAddress(0),
  layout.lineAddress(1),
  layout.CONTROL_BASE,
  layout.GLOBAL_BASE,
  layout.STUB_BASE,
  0x8000_0000_0000n,
  0xffff_8000_0000_0000n,
  0xffffffffff600000n,
];

/** The register files: at least 50. Whatever is random comes from the generator. */
export function registerFiles(guest: readonly Rule[], mapper: readonly Rule[], random: Random): RegisterFile[] {
  const files: RegisterFile[] = [];
  const add = (name: string, registers: Registers) => files.push({ name, registers });

  add('all zero', {});
  add('all ones', everywhere(MINUS_1));
  for (const address of addresses()) add(`all 0x${address.toString(16)}`, everywhere(address));

  // What the filters allow, argument by argument, with everything that is free set to something of use.
  for (const [filter, rules] of Object.entries({ guest, mapper })) {
    for (const { nr, args } of rules)
      add(`${filter} filter: call ${nr}`, { ...call(nr, ...args.map(({ min }) => min)), rbx: layout.CONTROL_BASE });
  }

  // Mappings: application memory, writable and executable, over what is there.
  const memory = layout.FD_MEMORY;
  add('mmap of the memory over the code', call(9, CODE, 4096, 7, 0x11, memory, 0));
  add('mmap of the memory at a free place', call(9, 0x40000000, 0x100000, 7, 0x11, memory, 0));
  add('mmap of the memory over the stub', call(9, layout.STUB_BASE, layout.STUB_SIZE, 7, 0x11, memory, 0));
  add('mmap of the control area', call(9, layout.CONTROL_BASE, layout.CONTROL_SIZE, 3, 0x11, layout.FD_CONTEXT, 0));
  add('anonymous mmap', call(9, 0x40000000, 4096, 7, 0x32, -1, 0));
  add('mprotect of the stub', call(10, layout.STUB_BASE, layout.STUB_SIZE, 7));
  add('mprotect of the control area', call(10, layout.CONTROL_BASE, layout.CONTROL_SIZE, 3));
  add('munmap of the stub', call(11, layout.STUB_BASE, layout.STUB_SIZE));
  add('munmap of the slots', call(11, layout.SLOT_BASE, layout.SLOT_SIZE));
  add('mremap', call(25, layout.CONTROL_BASE, 4096, 4096, 3, 0x40000000));

  // The world outside.
  add('write to the memory', call(1, memory, CODE, 4096));
  add('forged report', call(1, layout.FD_DONE, data, 8));
  add('ftruncate of the memory', call(77, memory, 0));
  add('close of the doorbell', call(3, layout.FD_DOORBELL));
  add('close_range', call(436, 0, 0xffffffff, 0));
  add('dup2', call(33, memory, layout.FD_DOORBELL));
  add('openat', call(257, MINUS_100, data, 2, 0));
  add('socket', call(41, 1, 1, 0));
  add('kill of everybody', call(62, -1, 9));
  add('ptrace', call(101, 16, 1, 0, 0));
  add('process_vm_writev', call(311, 1, data, 1, data, 1, 0));
  add('execve', call(59, data, 0, 0));
  add('clone', call(56, 0x50f00, stack, 0, 0, 0));
  add('clone3', call(435, data, 88));
  add('fork', call(57));
  add('exit', call(60, 0));
  add('exit_group', call(231, 0));
  add('io_uring_setup', call(425, 8, data));

  // What this process is to the kernel.
  add('rt_sigreturn of a forged frame', { ...call(15), rsp: data + BigInt(FAKE_FRAME) });
  add('rt_sigaction', call(13, 11, data, 0, 8));
  add('rt_sigprocmask of everything', call(14, 0, data + 0x800n, 0, 8));
  add('sigaltstack', call(131, data + 0x40n, 0));
  add('dispatch off', call(157, 59, 0, 0, 0, 0));
  add('seccomp', call(317, 1, 0, data));
  add('rseq', call(334, data + 0x100n, 32, 0, 0x53053053));
  add('set_robust_list', call(273, data + 0x200n, 24));
  add('set_tid_address', call(218, data));
  add('arch_prctl', call(158, 0x1002, data));
  add('modify_ldt', call(154, 1, data, 16));
  add('futex of the control area', call(202, layout.CONTROL_BASE, 0, 0, 0));
  add('futex wake', call(202, layout.lineAddress(1), 1, 1, 0));
  add('futex of another line', call(202, layout.lineAddress(1), 0, 0, 0));
  add('futex with a timeout', call(202, layout.lineAddress(0), 0, 0, data));
  add('uprobe', call(336));
  add('uretprobe', call(335));
  add('x32 write', call(X32 | 1n, layout.FD_DOORBELL, data, 8));
  add('x32 rt_sigreturn', { ...call(X32 | 513n), rsp: data + BigInt(FAKE_FRAME) });
  add('call -1', call(MINUS_1));
  add('call 2^32 + 1', call(0x100000001n, layout.FD_DOORBELL, data, 8));

  // The handler's and the waiting loop's own registers, honest and made up.
  const handler = (line: bigint, slot: bigint, rest: Registers): Registers => ({
    r14: line,
    r15: slot,
    rsp: slot + layout.SLOT_IMAGE,
    ...rest,
  });
  const fake = { line: data + BigInt(FAKE_LINE), slot: data + BigInt(FAKE_SLOT) };
  const frame = data + BigInt(FAKE_FRAME);
  const arguments_ = (signal: number): Registers => ({ rdi: BigInt(signal), rsi: frame + 0x200n, rdx: frame + 8n });
  add('own line and slot', handler(layout.lineAddress(0), layout.slotAddress(0), arguments_(11)));
  add('another line and slot', handler(layout.lineAddress(1), layout.slotAddress(1), arguments_(11)));
  add('fake line and slot', handler(fake.line, fake.slot, arguments_(11)));
  add('fake line, own slot', handler(fake.line, layout.slotAddress(0), arguments_(31)));
  add('own line, fake slot', handler(layout.lineAddress(0), fake.slot, arguments_(31)));
  add('fake line and slot, a kick', handler(fake.line, fake.slot, arguments_(23)));
  add('a kick', handler(layout.lineAddress(0), layout.slotAddress(0), arguments_(23)));
  add('a slot that is not mapped', handler(layout.lineAddress(4095), layout.slotAddress(4095), arguments_(11)));
  add('a line beyond the end', handler(layout.lineAddress(4096), layout.slotAddress(0), arguments_(11)));
  for (const rule of guest) {
    // A chain: the fake image, which setUpFakes fills, leads to the rule's instruction.
    add(`fake image before call ${rule.nr}`, { ...handler(fake.line, fake.slot, {}), r13: 77n, rbx: rule.ip - 2n });
  }

  // Stacks and flags.
  const own = layout.slotAddress(0);
  add('stack at the bottom of the signal stack', { rsp: own + layout.SLOT_STACK, rax: data });
  add('stack low in the signal stack', { rsp: own + layout.SLOT_STACK + 0x400n, rax: data });
  add('stack in the signal stack', { rsp: own + 0xf000n, rax: data });
  add('stack at the end of the slot', { rsp: own + BigInt(layout.SLOT_SIZE), rax: data });
  add('stack in another slot', { rsp: layout.slotAddress(1) + 0xf000n, rax: data });
  add('trap flag', { ...everywhere(data), rflags: 0x302n });
  add('alignment check', { ...everywhere(data + 1n), rflags: 0x40202n });
  add('direction flag', { ...everywhere(data), rflags: 0x602n });
  add('to the guest', { ...everywhere(routineAddress('callOnce')), rsp: stack });

  const pool = [...addresses(), ...guest.map(({ ip }) => ip), ...mapper.map(({ ip }) => ip - 2n), 3n, 5n, 8n, 9n, 15n, 202n, 4096n];
  for (let i = 0; i < 8; i++) {
    add(`random ${i}`, Object.fromEntries(ALL.map((name) => [name, random.below(3) === 0 ? random.u64() : random.pick(pool)])));
  }
  return files;
}

/** Structures in the guest's memory that an attack makes up: a line, a slot with an image, extended state, a signal frame. `target`: where the image leads. */
export function setUpFakes(memory: Buffer, target: bigint): void {
  const base = data;
  memory.fill(0, 0, 0x5000);
  memory.writeUInt32LE(1, FAKE_LINE + Number(layout.LINE_RESUME));
  memory.writeUInt32LE(1, FAKE_LINE + Number(layout.LINE_FLAGS));
  memory.writeBigUInt64LE(layout.STUB_BASE, FAKE_LINE + Number(layout.LINE_FS_BASE));
  memory.writeBigUInt64LE(layout.SLOT_BASE, FAKE_LINE + Number(layout.LINE_GS_BASE));
  memory.writeBigUInt64LE(base + 0x1000n, FAKE_LINE + Number(layout.LINE_XSTATE));
  memory.fill(0xff, 0x800, 0x900);
  memory.writeUInt32LE(0x1f80, 0x1000 + 24);
  const context = FAKE_FRAME + 8;
  memory.writeBigUInt64LE(7n, context);
  memory.writeBigUInt64LE(routineAddress('callOnce'), context + 168);
  memory.writeBigUInt64LE(stack, context + 160);
  memory.writeBigUInt64LE(0x202n, context + 176);
  memory.writeBigUInt64LE(0x002b000000000033n, context + 184);
  memory.writeBigUInt64LE(base + 0x1000n, context + 224);
  memory.writeBigUInt64LE(MINUS_1, context + 296);
  const image = FAKE_SLOT + Number(layout.SLOT_IMAGE);
  // In the order in which the stub pops them: r15 .. r8, rax, rcx, rdx, rsi, rdi, then RIP, CS, RFLAGS, RSP, SS.
  const registers = [
    0n,
    0n,
    0n,
    0n,
    0n,
    layout.CONTROL_BASE,
    0n,
    0x11n,
    0n,
    3n,
    9n,
    0n,
    7n,
    4096n,
    BigInt(CODE),
    target,
    0x33n,
    0x202n,
    stack,
    0x2bn,
  ];
  for (const [i, value] of registers.entries()) memory.writeBigUInt64LE(value, image + 8 * i);
}
