import { ACCESS_READ, ACCESS_WRITE, EVENT_FAILED, EVENT_SIGNAL, EVENT_SYSCALL, MEMORY_ANONYMOUS, PAGE_SIZE, REG } from '@sbx/platform';
import { describe, expect } from 'vitest';
import { DATA, Guest, HANG_NS, isAlive, parentOf, stateOf, until } from './guest.js';
import { testWithSystrap } from './usable.js';

const SIGKILL = 9;
/** Linux's default for /proc/sys/vm/max_map_count. */
const MAX_MAP_COUNT = 65530;

/** What happens when the host, or somebody on it, does something to the processes. */
describe('failures', () => {
  testWithSystrap('a stub that is killed ends what ran in it, and nothing else', () => {
    const guest = new Guest();
    const other = guest.newSpace();
    const [running, idle, elsewhere] = [guest.thread('spin'), guest.thread('syscalls'), guest.thread('syscalls')];
    expect(guest.run(idle)).toBe(EVENT_SYSCALL);
    running.start(guest.space);
    process.kill(guest.space.process as number, 'SIGKILL');
    expect(guest.next()).toBe(running);
    expect([running.page.event, running.page.signo]).toEqual([EVENT_SIGNAL, SIGKILL]);
    expect([guest.run(idle), idle.page.signo]).toEqual([EVENT_SIGNAL, SIGKILL]);
    expect(guest.run(elsewhere, other)).toBe(EVENT_SYSCALL);
    expect(guest.space.process).toMatch(/killed|died/);
    expect(guest.lines[0]).toMatch(/^a program was killed: its process (was killed|died)/);
    // Mappings of what is gone can be changed all the same.
    expect(guest.space.mapFile(DATA, guest.memory, guest.data, PAGE_SIZE, ACCESS_READ, false)).toBe(0);
    guest.space.writeProtect(DATA, PAGE_SIZE);
    guest.space.unmap(DATA, PAGE_SIZE);
    guest.space.release();
    expect(guest.run(idle, other)).toBe(EVENT_SYSCALL);
    expect(guest.platform.failure()).toBeNull();
    guest.destroy();
  });

  testWithSystrap('the end of a stub wakes the event loop', async () => {
    const memory = new Guest();
    const running = memory.thread('spin');
    running.start(memory.space);
    expect(memory.platform.arm()).toBe(true);
    process.kill(memory.space.process as number, 'SIGKILL');
    await until(() => memory.platform.poll() === running);
    memory.destroy();
  });

  testWithSystrap('the end of the zygote is the end of all stubs, and of the platform', async () => {
    const guest = new Guest();
    const stub = guest.space.process as number;
    const zygote = parentOf(stub);
    const running = guest.thread('spin');
    running.start(guest.space);
    process.kill(zygote, 'SIGKILL');
    await until(() => !isAlive(stub) && !isAlive(zygote));
    expect(guest.next()).toBe(running);
    expect([EVENT_FAILED, EVENT_SIGNAL]).toContain(running.page.event);
    expect([EVENT_FAILED, EVENT_SIGNAL]).toContain(guest.run(running));
    expect(() => guest.newSpace()).toThrow('the process that makes stubs died');
    expect(guest.platform.failure()).toBe('the process that makes stubs died');
    guest.destroy();
  });

  testWithSystrap('a stub that is stopped and goes on has lost nothing', async () => {
    const guest = new Guest();
    const thread = guest.thread('syscalls');
    expect(guest.run(thread)).toBe(EVENT_SYSCALL);
    const stub = guest.space.process as number;
    process.kill(stub, 'SIGSTOP');
    await until(() => stateOf(stub) === 'T');
    thread.start(guest.space);
    expect(guest.platform.wait(50e6)).toBe(false);
    process.kill(stub, 'SIGCONT');
    expect(guest.next()).toBe(thread);
    expect([thread.page.event, thread.page.reg(REG.rbx)]).toEqual([EVENT_SYSCALL, 2]);
    guest.destroy();
  });

  testWithSystrap('a stub that stays stopped is killed when something is wanted of it', async () => {
    const guest = new Guest();
    const thread = guest.thread('spin');
    thread.start(guest.space);
    const stub = guest.space.process as number;
    process.kill(stub, 'SIGSTOP');
    await until(() => stateOf(stub) === 'T');
    thread.interrupt();
    expect(guest.next()).toBe(thread);
    expect([thread.page.event, thread.page.signo]).toEqual([EVENT_SIGNAL, SIGKILL]);
    expect(guest.lines).toEqual(["a program was killed: a thread can't be stopped"]);
    await until(() => !isAlive(stub));
    guest.destroy();
  });

  testWithSystrap('an unmap that a stopped stub does not execute ends it', async () => {
    const guest = new Guest();
    const thread = guest.thread('syscalls');
    expect(guest.run(thread)).toBe(EVENT_SYSCALL);
    const stub = guest.space.process as number;
    process.kill(stub, 'SIGSTOP');
    await until(() => stateOf(stub) === 'T');
    guest.space.unmap(DATA, PAGE_SIZE);
    expect(guest.space.process).toMatch(/does not answer/);
    expect([guest.run(thread), thread.page.signo]).toEqual([EVENT_SIGNAL, SIGKILL]);
    guest.destroy();
  });

  testWithSystrap('more mappings than the host permits: what was mapped before is dropped, and comes back by faults', () => {
    const guest = new Guest();
    const thread = guest.thread('load');
    const pages = guest.memory.allocate(2 * PAGE_SIZE, MEMORY_ANONYMOUS);
    new Uint32Array(guest.memory.bytes(pages, 4).slice().buffer);
    guest.memory.bytes(pages, 4).set([77, 0, 0, 0]);
    const address = (i: number) => 0x1000_0000 + i * PAGE_SIZE;
    // Neighbours that can't be merged: the same page, again and again.
    for (let i = 0; i < MAX_MAP_COUNT + 1000; i++) {
      expect(guest.space.mapFile(address(i), guest.memory, pages, PAGE_SIZE, ACCESS_READ | ACCESS_WRITE, false)).toBe(0);
    }
    thread.page.setReg(REG.rdi, address(MAX_MAP_COUNT + 999));
    let faults = 0;
    while (guest.run(thread) === EVENT_SIGNAL && faults++ < 3) {
      const { faultAddress } = thread.page;
      const [addr, offset] = faultAddress < 0x1000_0000 ? [0x400000, guest.code] : [address(MAX_MAP_COUNT + 999), pages];
      expect(guest.space.mapFile(addr, guest.memory, offset, PAGE_SIZE, 7, false)).toBe(0);
    }
    expect([thread.page.event, thread.page.sysno]).toEqual([EVENT_SYSCALL, 77]);
    guest.destroy();
  });

  testWithSystrap('guest code that writes over all that it can reach of the stub harms only itself', () => {
    const guest = new Guest();
    const other = guest.newSpace();
    const [hostile, fine] = [guest.thread('fill'), guest.thread('syscalls')];
    hostile.page.setReg(REG.r8, 0x7ff100000000);
    hostile.page.setReg(REG.r9, 16 * 65536);
    hostile.start(guest.space);
    for (let i = 0; i < 200; i++) expect(guest.run(fine, other)).toBe(EVENT_SYSCALL);
    hostile.interrupt();
    const deadline = performance.now() + HANG_NS / 1e6;
    while (guest.platform.poll() === null && performance.now() < deadline) guest.platform.wait(1e8);
    for (let i = 0; i < 200; i++) expect(guest.run(fine, other)).toBe(EVENT_SYSCALL);
    expect(guest.platform.failure()).toBeNull();
    guest.destroy();
  });
});
