import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect } from 'vitest';
import { systrapMissing, testWithSystrap } from '../usable.js';
import { allowed, findPrograms, readProgram } from './filters.js';
import * as layout from './layout.js';
import { setUpFakes } from './register-files.js';
import { buildGuest } from './run.js';
import { DATA, FAKE_LINE, FAKE_SLOT, routineAddress, Victim } from './victim.js';

const MINUS_1 = 2n ** 64n - 1n;
const STACK = BigInt(DATA) + 0xf000n;
const WRITE = 1;
const CALLS = 300;
const SIGNALS = 70;
/** What a fault or a trap of guest code can be. */
const FAULTS = [4, 5, 7, 8, 11];

describe('the sentry of a hostile process', () => {
  let code: Buffer;
  let victim: Victim;

  beforeAll(async () => {
    if (systrapMissing !== undefined) return;
    const base = `${tmpdir()}/sbx-hostile-guest-${process.pid}`;
    await buildGuest(`${base}.o`, `${base}.bin`);
    code = readFileSync(`${base}.bin`);
  });
  beforeEach(() => {
    if (systrapMissing === undefined) victim = new Victim(code, undefined);
  });
  afterEach(() => {
    if (systrapMissing === undefined) victim.destroy();
  });

  testWithSystrap('serves others while a thread rings the doorbell without end', async () => {
    const text = victim.readStub();
    const programs = findPrograms(text, layout.STUB_BASE).map((address) => allowed(readProgram(text, layout.STUB_BASE, address)));
    const ring = programs.flat().find(({ nr, args }) => nr === WRITE && args[0]!.min === layout.FD_DOORBELL)!;
    // After the call the stub waits on the thread's line: on one that the guest made up, which lets it go on at once, with the registers of the guest's image, which
    // leads back to the call.
    setUpFakes(victim.data, ring.ip - 2n);
    const [line, slot] = [BigInt(DATA + FAKE_LINE), BigInt(DATA + FAKE_SLOT)];
    const image = FAKE_SLOT + Number(layout.SLOT_IMAGE);
    const registers = [slot, line, 77n, 0n, 0n, 0n, 0n, 0n, 0n, 0n, BigInt(WRITE), 0n, 8n, ring.args[1]!.min, layout.FD_DOORBELL];
    for (const [i, value] of registers.entries()) victim.data.writeBigUInt64LE(value, image + 8 * i);
    victim.attempt({ rip: routineAddress('callOnce'), rsp: STACK });
    victim.race('jump', {
      rbx: ring.ip - 2n,
      rax: BigInt(WRITE),
      rdi: layout.FD_DOORBELL,
      rsi: ring.args[1]!.min,
      rdx: 8n,
      r13: 77n,
      r14: line,
      r15: slot,
    });
    for (let i = 0; i < CALLS; i++)
      expect(victim.attempt({ rip: routineAddress('callOnce'), rsp: STACK, rax: BigInt(i) }, 20e9)).toBe('refused call');
    victim.platform.arm();
    await sleep(20);
    victim.check();
    expect(typeof victim.space.process).toBe('number');
  });

  testWithSystrap('believes of signals only those that faults give', () => {
    const signo = layout.slotAddress(0) + layout.SLOT_SIGNO;
    for (let signal = 0; signal < SIGNALS; signal++) {
      victim.attempt({ rip: routineAddress('callOnce'), rsp: STACK });
      victim.race('flip', { rdi: signo, rsi: BigInt(signal), rdx: BigInt(signal) });
      for (let i = 0; i < 4; i++) {
        if (victim.attempt({ rip: 0n, rsp: STACK }, 20e9) === 'signal') expect(FAULTS).toContain(victim.context.page.signo);
      }
      victim.endRaces();
      victim.renew();
    }
    expect([...victim.reasons.keys()]).toEqual(["a thread's signal frame was tampered with"]);
  });

  testWithSystrap('ends a process in which a thread hides the events of another, also from its event loop', async () => {
    victim.attempt({ rip: routineAddress('callOnce'), rsp: STACK });
    victim.race('flip', { rdi: layout.slotAddress(0) + layout.SLOT_EVENT, rsi: MINUS_1, rdx: MINUS_1 });
    let woken = 0;
    victim.wake = () => woken++;
    while (typeof victim.space.process === 'number') {
      // The other thread may be too late: then again.
      if (!victim.running) {
        victim.start({ rip: routineAddress('load'), rdi: BigInt(DATA), rsp: STACK });
        victim.context.interrupt();
      }
      if (victim.platform.arm()) await sleep(20);
      else victim.collect();
    }
    expect(victim.space.process).toBe("a thread can't be stopped");
    expect(woken).toBeGreaterThan(0);
    victim.endRaces();
    victim.collect();
    expect(victim.context.page.signo).toBe(9);
  });

  testWithSystrap('has made its processes invisible, the first to go, and without core dumps', () => {
    victim.attempt({ rip: routineAddress('callOnce'), rsp: STACK });
    const folder = `/proc/${victim.space.process}`;
    expect(readFileSync(`${folder}/oom_score_adj`, 'utf8').trim()).toBe('1000');
    const limits = readFileSync(`${folder}/limits`, 'utf8');
    expect(limits).toMatch(/^Max core file size +0 +0 /m);
    expect(limits).toMatch(/^Max locked memory +0 +0 /m);
    const status = readFileSync(`${folder}/status`, 'utf8');
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    expect(status).toMatch(/^Seccomp:\t2$/m);
  });
});
