import {
  ACCESS_EXECUTE,
  ACCESS_READ,
  EVENT_INTERRUPT,
  EVENT_SYSCALL,
  MEMORY_ANONYMOUS,
  PAGE_SIZE,
  type Platform,
  REG,
} from '@sbx/platform';
import { SystrapError } from './error.js';

const CODE = 0x10000;
const ROUNDS = 200;
const LIMIT_NS = 1e9;

/** syscall; jmp to it */
const LOOP = [0x0f, 0x05, 0xeb, 0xfc];

/** The median time, in nanoseconds, of a system call that JavaScript answers at once: one `switch`. */
export function measureRoundTrip(platform: Platform): number {
  const { memory } = platform;
  const offset = memory.allocate(PAGE_SIZE, MEMORY_ANONYMOUS);
  const context = platform.newContext();
  if (offset < 0 || typeof context === 'number') throw new SystrapError('no memory to measure with');
  const space = platform.newAddressSpace(null);
  if (space instanceof Promise) throw new SystrapError('no process to measure with');
  memory.bytes(offset, PAGE_SIZE).set(LOOP);
  space.mapFile(CODE, memory, offset, PAGE_SIZE, ACCESS_READ | ACCESS_EXECUTE, true);
  context.page.setReg(REG.rip, CODE);
  const times: number[] = [];
  while (times.length < ROUNDS) {
    const start = process.hrtime.bigint();
    const event = context.switch(space, -1, LIMIT_NS);
    if (event === EVENT_INTERRUPT) continue;
    if (event !== EVENT_SYSCALL) throw new SystrapError(`a system call ended in event ${event}`);
    context.page.setResult(0);
    times.push(Number(process.hrtime.bigint() - start));
  }
  context.release();
  space.release();
  memory.decRef(offset, PAGE_SIZE);
  return times.sort((a, b) => a - b)[ROUNDS / 2]!;
}
