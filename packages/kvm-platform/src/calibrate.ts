import {
  ACCESS_EXECUTE,
  ACCESS_READ,
  CONTEXT_FIELDS,
  type Context,
  EVENT_FAILED,
  EVENT_SIGNAL,
  EVENT_SYSCALL,
  MEMORY_SYSTEM,
  type Platform,
  REG,
} from '@sbx/platform';
import { amd64 } from '@sbx/ring0';
import type { KvmAddressSpace } from './address-space.js';
import { KvmError } from './error.js';
import type { Machine } from './machine.js';

const PAGE = 4096;
const CODE = 0x10000;
const DATA = 0x11000;
const LIMIT_NS = 1e9;

/** A system call; then, again and again, one with the word at DATA as its number. */
// biome-ignore format: instructions
const PROGRAM = [
  0x0f, 0x05, // syscall
  0x48, 0x8b, 0x04, 0x25, 0x00, 0x10, 0x01, 0x00, // mov DATA, %rax
  0x0f, 0x05, // syscall
  0xeb, 0xf4, // jmp to the mov
];

const FETCH_BY_USER = amd64.PageFaultError.Present | amd64.PageFaultError.User | amd64.PageFaultError.Fetch;

/** Whether the fault is how SYSCALL arrives where KVM forgets to change the privilege level: a fetch at LSTAR by ring 3. */
function isFaultingSyscall(context: Context): boolean {
  const { page } = context;
  return (
    page.vector === amd64.Vector.PageFault &&
    page.errorCode === FETCH_BY_USER &&
    page.regLow(REG.rip) === page.u32[CONTEXT_FIELDS.faultAddressLow >> 2] &&
    page.regHigh(REG.rip) === page.u32[CONTEXT_FIELDS.faultAddressHigh >> 2] &&
    page.reg(REG.rcx) === CODE + 2
  );
}

/**
 * Runs a small program in ring 3 to find out how this machine behaves (see machine.h), and sets its mode. Throws a `KvmError` when it does not work. The
 * device is probed each time and nothing is assumed from names or versions.
 */
export function calibrate(platform: Platform, machine: Machine): void {
  const { memory } = platform;
  const offset = memory.allocate(3 * PAGE, MEMORY_SYSTEM);
  const space = offset < 0 ? null : (platform.newAddressSpace(null) as KvmAddressSpace | Promise<void>);
  const context = space === null ? -1 : platform.newContext();
  if (space === null || space instanceof Promise || typeof context === 'number') throw new KvmError('no memory to try the device out');
  try {
    const bytes = memory.bytes(offset, 3 * PAGE);
    bytes.set(PROGRAM);
    bytes[PAGE] = 0x11;
    bytes[2 * PAGE] = 0x22;
    space.mapFile(CODE, memory, offset, PAGE, ACCESS_READ | ACCESS_EXECUTE, true);
    space.mapFile(DATA, memory, offset + PAGE, PAGE, ACCESS_READ, true);
    tryOut(platform, machine, space, context, offset);
  } finally {
    context.release();
    space.release();
    memory.decRef(offset, 3 * PAGE);
  }
}

function tryOut(platform: Platform, machine: Machine, space: KvmAddressSpace, context: Context, offset: number): void {
  const { page } = context;
  page.setReg(REG.rip, CODE);
  let event = context.switch(space, -1, LIMIT_NS);
  if (event === EVENT_SIGNAL && isFaultingSyscall(context)) {
    machine.setMode({ syscallFaults: true, bare: true, window: true, shadow: false });
    page.setReg(REG.rip, CODE);
    event = context.switch(space, -1, LIMIT_NS);
  }
  expectSyscall(platform, context, event);

  readData(platform, space, context, 0x11);
  space.mapFile(DATA, platform.memory, offset + 2 * PAGE, PAGE, ACCESS_READ, true);
  if (readData(platform, space, context, -1) === 0x22) return;
  machine.setMode({ ...machine.mode, shadow: true });
  machine.flush(space.id, DATA, PAGE);
  readData(platform, space, context, 0x22);
}

/** Lets the program read the word at DATA; `expected` -1: whatever it is. */
function readData(platform: Platform, space: KvmAddressSpace, context: Context, expected: number): number {
  expectSyscall(platform, context, context.switch(space, -1, LIMIT_NS));
  const value = context.page.sysno;
  if (expected >= 0 && value !== expected) {
    throw new KvmError(`the device does not see changes of page tables (read 0x${value.toString(16)}, not 0x${expected.toString(16)})`);
  }
  return value;
}

function expectSyscall(platform: Platform, context: Context, event: number): void {
  if (event === EVENT_SYSCALL) return;
  const { page } = context;
  if (event === EVENT_FAILED) throw new KvmError(`the device cannot run ring 3: ${platform.failure()?.trimEnd()}`);
  if (event === EVENT_SIGNAL) {
    throw new KvmError(`the device cannot run ring 3: a system call gave exception ${page.vector}, error code ${page.errorCode}`);
  }
  throw new KvmError(`the device cannot run ring 3: a system call did not come back (event ${event})`);
}
