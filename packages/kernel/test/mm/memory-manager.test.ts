import { EFAULT } from '@sbx/abi';
import { ACCESS_READ, ACCESS_WRITE, MEMORY_ANONYMOUS } from '@sbx/platform';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unmap } from '../../src/mm/mapping.js';
import type { MemoryManager } from '../../src/mm/memory-manager.js';
import { protect } from '../../src/mm/protect.js';
import { mapped, type TableSpace, TestKernel, touch } from './fixture.js';

let kernel: TestKernel;
let mm: MemoryManager;
beforeEach(() => {
  kernel = new TestKernel();
  mm = kernel.create();
});
afterEach(() => {
  if (mm.references > 0) mm.decRef();
  expect(kernel.memory.totalUsage()).toBe(0);
  kernel.memory.destroy();
});

const bytes = (text: string) => Buffer.from(text, 'latin1');

describe('MemoryManager', () => {
  it('copies to and from anonymous memory, exactly up to a fault', () => {
    const addr = mapped(mm, { length: 8192 });
    expect(mm.copyOut(addr + 4090, bytes('hello world'), 11)).toBe(11);
    const back = new Uint8Array(11);
    expect(mm.copyIn(addr + 4090, back, 11)).toBe(11);
    expect(Buffer.from(back).toString()).toBe('hello world');
    expect(mm.copyOut(addr + 8192 - 3, bytes('hello'), 5)).toBe(3);
    expect(mm.copyIn(addr - 1, back, 5)).toBe(0);
    expect(mm.copyIn(-1, back, 5)).toBe(0);
    expect(mm.zeroOut(addr, 8192)).toBe(8192);
    expect(mm.readUint32(addr + 4092)).toBe(0);
  });

  it('reads strings across pages, and says when they have no end', () => {
    const addr = mapped(mm, { length: 8192 });
    mm.copyOut(addr + 4094, bytes('path\0x'), 6);
    expect(mm.copyInString(addr + 4094, 4096)).toBe('path');
    expect(mm.copyInString(addr + 4094, 4)).toBe(-36);
    mm.copyOut(addr + 8190, bytes('ab'), 2);
    expect(mm.copyInString(addr + 8190, 4096)).toBe(-EFAULT);
  });

  it('gives a fault its reason', () => {
    const addr = mapped(mm, { length: 8192, prot: 1 });
    expect(mm.handleFault(addr, ACCESS_READ)).toBe(0);
    expect(mm.handleFault(addr, ACCESS_WRITE)).toBe(2);
    expect(mm.handleFault(addr + 8192, ACCESS_READ)).toBe(1);
    expect(mm.handleFault(-1, ACCESS_READ)).toBe(1);
    expect(mm.resolve(addr, 1, ACCESS_WRITE)).toBe(-EFAULT);
  });

  it('copies the few pages of a small program at fork: neither side faults for them later', () => {
    const addr = mapped(mm, { length: 65536 });
    touch(mm, addr, ACCESS_WRITE);
    mm.writeUint32(addr, 1);
    const child = mm.fork();
    if (typeof child === 'number') throw new Error(`${child}`);
    child.prefault(addr, addr);
    const { faults } = mm;
    for (const space of [mm, child]) for (let at = addr; at < addr + 65536; at += 4096) touch(space, at, ACCESS_WRITE);
    expect([mm.faults, child.faults]).toEqual([faults, 0]);
    mm.writeUint32(addr, 2);
    expect(child.readUint32(addr)).toBe(1);
    child.decRef();
  });

  it('shares pages where there is no memory for copies', () => {
    const addr = mapped(mm, { length: 128 * 4096 });
    mm.zeroOut(addr, 128 * 4096);
    mm.writeUint32(addr, 1);
    // All but 32 pages.
    const rest: number[] = [];
    for (let size = 2 ** 24; size >= 4096; ) {
      const offset = kernel.memory.allocate(size, MEMORY_ANONYMOUS);
      if (offset < 0) size /= 2;
      else rest.push(offset, size);
    }
    for (let freed = 0; freed < 32 * 4096; ) {
      const [offset, size] = rest.splice(-2);
      kernel.memory.decRef(offset, size);
      freed += size;
    }
    const child = mm.fork();
    if (typeof child === 'number') throw new Error(`${child}`);
    expect(child.readUint32(addr)).toBe(1);
    for (let i = 0; i < rest.length; i += 2) kernel.memory.decRef(rest[i], rest[i + 1]);
    expect(touch(mm, addr, ACCESS_WRITE)).not.toBe(touch(child, addr, ACCESS_READ));
    mm.writeUint32(addr, 2);
    expect(child.readUint32(addr)).toBe(1);
    child.decRef();
  });

  it('shares pages copy-on-write with a child, and gives them back to the last owner', () => {
    const addr = mapped(mm, { length: 65536 });
    mm.writeUint32(addr, 1);
    // More than what a fork copies.
    const many = mapped(mm, { length: 1 << 21 });
    mm.zeroOut(many, 1 << 21);
    const child = mm.fork();
    if (typeof child === 'number') throw new Error(`${child}`);
    const before = kernel.memory.totalUsage();
    expect(child.readUint32(addr)).toBe(1);
    expect(kernel.memory.totalUsage()).toBe(before);
    // Both see a store of their own only, through the hardware as well as through the kernel.
    expect(touch(mm, addr, ACCESS_WRITE)).not.toBe(touch(child, addr, ACCESS_READ));
    mm.writeUint32(addr, 2);
    expect(child.readUint32(addr)).toBe(1);
    child.writeUint32(addr + 32768, 7);
    expect(mm.readUint32(addr + 32768)).toBe(0);
    child.decRef();
    const left = kernel.memory.totalUsage();
    // The last owner stores without a copy.
    expect(touch(mm, addr + 20480, ACCESS_WRITE)).toBeGreaterThanOrEqual(0);
    expect(kernel.memory.totalUsage()).toBe(left);
  });

  it('lets a debugger write to what the program can only read, for this program alone', () => {
    const addr = mapped(mm, { length: 8192 });
    mm.copyOut(addr, bytes('code'), 4);
    protect(mm, addr, 8192, 5);
    const child = mm.fork() as MemoryManager;
    expect(mm.copyOut(addr, bytes('x'), 1)).toBe(0);
    expect(mm.poke(addr, bytes('x'), 1)).toBe(1);
    expect(mm.copyOut(addr, bytes('y'), 1)).toBe(0);
    expect([mm.readUint32(addr) & 0xff, child.readUint32(addr) & 0xff]).toEqual([0x78, 0x63]);
    expect(touch(mm, addr, ACCESS_WRITE)).toBe(-2);
    protect(mm, addr, 4096, 0);
    const seen = new Uint8Array(4);
    expect(mm.copyIn(addr, seen, 4)).toBe(0);
    expect(mm.peek(addr, seen, 4)).toBe(4);
    expect(Buffer.from(seen).toString()).toBe('xode');
    expect(mm.peek(addr + 8190, seen, 4)).toBe(2);
    const shared = mapped(mm, { length: 4096, flags: 0x21, prot: 1 });
    expect(mm.poke(shared, bytes('x'), 1)).toBe(0);
    child.decRef();
  });

  it('keeps the translation cache true across unmapping and mapping anew', () => {
    const addr = mapped(mm, { length: 4096 });
    mm.writeUint32(addr, 5);
    expect(unmap(mm, addr, 4096)).toBe(0);
    expect(mm.readUint32(addr)).toBe(-EFAULT);
    mapped(mm, { addr, length: 4096, flags: 0x32 });
    expect(mm.readUint32(addr)).toBe(0);
  });

  it('extends a stack down to its limit and not into the gap above another mapping', () => {
    const limits = { soft: new Float64Array(16).fill(Number.POSITIVE_INFINITY) };
    limits.soft[3] = 1 << 20;
    mm.limits = limits;
    const top = 0x7000_0000_0000;
    mapped(mm, { addr: top - 8192, length: 8192, flags: 0x132 });
    expect(mm.handleFault(top - 8192 - 1, ACCESS_WRITE)).toBe(0);
    expect(mm.vmas.find(top - 1)!.start).toBe(top - 8192 - 65536);
    expect(mm.handleFault(top - (1 << 20), ACCESS_WRITE)).toBe(0);
    expect(mm.vmas.find(top - 1)!.start).toBe(top - (1 << 20));
    expect(mm.handleFault(top - (1 << 20) - 1, ACCESS_WRITE)).toBe(1);
    // A mapping placed by itself keeps the guard gap free.
    mm.limits = { soft: new Float64Array(16).fill(Number.POSITIVE_INFINITY) };
    mapped(mm, { addr: top - (3 << 20), length: 4096, flags: 0x32 });
    expect(mm.handleFault(top - (3 << 20) + 4096 + (1 << 20), ACCESS_WRITE)).toBe(0);
    expect(mm.handleFault(top - (3 << 20) + 4096 + (1 << 20) - 4096, ACCESS_WRITE)).toBe(1);
  });

  it('answers exhausted memory with a result, after taking less', () => {
    const addr = mapped(mm, { length: 60 * 2 ** 20 });
    let result = 0;
    let at = addr;
    mm.limits = { soft: new Float64Array(16).fill(Number.POSITIVE_INFINITY) };
    const more = mapped(mm, { length: 60 * 2 ** 20 });
    for (; at < addr + 60 * 2 ** 20 && result === 0; at += 4096) result = mm.handleFault(at, ACCESS_WRITE);
    expect(result).toBe(0);
    for (at = more; at < more + 60 * 2 ** 20 && result === 0; at += 4096) result = mm.handleFault(at, ACCESS_WRITE);
    expect(result).toBe(4);
    expect(kernel.memory.totalUsage()).toBe(64 * 2 ** 20);
  });

  it('installs nothing twice and forgets all when the address space goes', () => {
    const addr = mapped(mm, { length: 65536 });
    touch(mm, addr, ACCESS_WRITE);
    const space = kernel.spaces[0] as TableSpace;
    const { maps } = space;
    touch(mm, addr + 4096 * 15, ACCESS_WRITE);
    expect(space.maps).toBe(maps);
    mm.releaseAddressSpace();
    expect(space.released).toBe(true);
    touch(mm, addr + 4096, ACCESS_WRITE);
    expect(kernel.spaces.length).toBe(2);
    expect(mm.rssAnonymous).toBe(16);
  });
});
