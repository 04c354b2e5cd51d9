import { PerformanceObserver } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { EVENT_INTERRUPT, EVENT_SYSCALL, REG } from '@sbx/platform';
import { expect } from 'vitest';
import { Guest } from './guest.js';
import { testWithKvm } from './usable.js';

const HOUR_NS = 3.6e12;

testWithKvm('system calls allocate nothing in JavaScript, inline and pooled', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const guest = new Guest();
  const { platform, space } = guest;
  const [a, b] = [guest.thread('syscalls'), guest.thread('syscalls')];
  let bad = 0;
  const rounds = (n: number): void => {
    for (let i = 0; i < n; i++) {
      const event = a.switch(space, -1, HOUR_NS);
      if (event !== EVENT_SYSCALL && event !== EVENT_INTERRUPT) bad++;
      a.page.setResult(0);
      b.start(space);
      while (platform.poll() === null) platform.wait(HOUR_NS);
      b.page.setReg(REG.rax, 1);
    }
  };
  rounds(1000);
  let collections = 0;
  const observer = new PerformanceObserver((list) => {
    collections += list.getEntries().length;
  });
  collect();
  const before = process.memoryUsage().heapUsed;
  observer.observe({ entryTypes: ['gc'] });
  rounds(3000);
  await new Promise((resolve) => setTimeout(resolve, 1));
  observer.disconnect();
  collect();
  const after = process.memoryUsage().heapUsed;
  guest.destroy();
  expect({ bad, collections }).toEqual({ bad: 0, collections: 0 });
  expect(after - before).toBeLessThan(64 * 1024);
});
