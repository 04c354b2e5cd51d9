/**
 * This package's signal handlers beside Node's and V8's, in both orders, and crashes that are to kill. Each case is a process of
 * its own; what it printed before it died is part of the result.
 */
import { join } from 'node:path';
import { beforeAll, expect } from 'vitest';
import { testUnless } from '../../../tools/native/conditional-test.js';
import { execute, type Outcome, toolchains } from '../../../tools/native/toolchain.js';
import { buildTestMemory, packageFolder, whyNoTestMemory } from './memory.js';

let addon: string;
beforeAll(async () => {
  if (!whyNoTestMemory) addon = await buildTestMemory('handlers');
});

/** What every case has at hand. `trap()` is a WebAssembly access out of bounds, which V8 turns from SIGSEGV into an error. */
const prelude = `
  import { createRequire } from 'node:module';
  import { Worker } from 'node:worker_threads';
  const memory = createRequire(import.meta.url)(process.env.SBX_TEST_ADDON);
  const bytes = new Uint8Array([0,97,115,109,1,0,0,0,1,6,1,96,1,127,1,127,3,2,1,0,5,3,1,0,1,7,5,1,1,102,0,0,10,9,1,7,0,32,0,40,2,0,11]);
  const load = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports.f;
  const trap = () => { try { return load(1 << 30) } catch (error) { return error.message } };
  const none = memory.reserve(8192);
  const pastEnd = memory.reserve(4096);
  memory.mapFile(pastEnd, 4096, 0);
  const buffer = new Uint8Array(32);
`;
const safecopy = new URL('../src/index.ts', import.meta.url).href;
const importSafecopy = `
  const { copyIn, installHandlers, lastFault } = await import('${safecopy}');
  const fault = (address) => copyIn(buffer, address) + ' ' + lastFault()?.code;
`;

/** The same without TypeScript, for cases where only the native part matters: such a process starts three times as fast. */
const loadNative = `
  const binding = createRequire(${JSON.stringify(join(packageFolder, 'package.json'))})('node-gyp-build')(${JSON.stringify(packageFolder)});
  const fault = (address) => binding.copyIn(buffer, address, 8, 0) + ' ' + { 11: 'ERR_SBX_SEGV', 7: 'ERR_SBX_BUS' }[binding.status[0]];
`;

function run(script: string, env: NodeJS.ProcessEnv = {}): Outcome {
  const loader = script.includes(importSafecopy) ? ['--import', 'tsx', '--conditions=@sbx/source'] : [];
  const args = [...loader, '--input-type=module', '--eval', prelude + script];
  return execute(toolchains.host, process.execPath, args, { SBX_TEST_ADDON: addon, ...env });
}

const trapped = 'memory access out of bounds';
const segv = '0 ERR_SBX_SEGV';
const bus = '0 ERR_SBX_BUS';

function expectLines(outcome: Outcome, lines: string[], signal: string | null = null): void {
  expect({ out: outcome.stdout.trimEnd().split('\n'), signal: outcome.signal, err: outcome.stderr }).toEqual({
    out: lines,
    signal,
    err: '',
  });
}

testUnless(whyNoTestMemory, 'V8 first, then we: WebAssembly traps and copies both work, in turns', () => {
  const outcome = run(`
    console.log(trap());
    ${importSafecopy}
    for (let i = 0; i < 3; i++) console.log(fault(none) + ', ' + trap() + ', ' + fault(pastEnd));
    let wrong = 0;
    for (let i = 0; i < 2000; i++) if (fault(none) !== '${segv}' || trap() !== '${trapped}' || fault(pastEnd) !== '${bus}') wrong++;
    console.log(wrong);
  `);
  const turn = `${segv}, ${trapped}, ${bus}`;
  expectLines(outcome, [trapped, turn, turn, turn, '0']);
});

testUnless(whyNoTestMemory, 'we first, then V8: put in front again, both work', () => {
  // The preloaded addon installs its handlers before Node starts; Node then installs V8's without calling them.
  const script = `
    const front = memory.handlerOf(11);
    console.log(trap(), memory.handlerOf(7) !== 0, memory.ownInstall(), memory.handlerOf(11) !== front);
    for (let i = 0; i < 3; i++) console.log(memory.ownCopy(none) + ', ' + trap() + ', ' + memory.ownCopy(pastEnd));
    ${loadNative}
    for (let i = 0; i < 3; i++) console.log(memory.ownCopy(none) + ', ' + trap() + ', ' + fault(pastEnd) + ', ' + fault(none));
    memory.crash(none);
  `;
  const turn = `0, ${trapped}, 0`;
  const both = `0, ${trapped}, ${bus}, ${segv}`;
  const outcome = run(script, { LD_PRELOAD: addon, SBX_TEST_EARLY: '1' });
  expectLines(outcome, [`${trapped} true 0 true`, turn, turn, turn, both, both, both], 'SIGSEGV');
  // That this needed the second installation: without it the copy is a crash.
  const without = run('console.log(trap()); memory.ownCopy(none); console.log("alive")', { LD_PRELOAD: addon, SBX_TEST_EARLY: '1' });
  expectLines(without, [trapped], 'SIGSEGV');
});

testUnless(whyNoTestMemory, 'two addons with a copy of safecopy each, in both orders', () => {
  for (const order of [
    `memory.ownInstall(); ${importSafecopy}`,
    `${importSafecopy} memory.ownInstall(); installHandlers(); memory.ownInstall(); installHandlers();`,
  ]) {
    const outcome = run(`${order}
      console.log(fault(none), memory.ownCopy(none), fault(pastEnd), memory.ownCopy(pastEnd), trap(), fault(none + 4090));
      memory.crash(pastEnd);`);
    expectLines(outcome, [`${segv} 0 ${bus} 0 ${trapped} ${segv}`], 'SIGBUS');
  }
});

testUnless(whyNoTestMemory, 'a listener of the process for SIGSEGV and SIGBUS does not take the signals away', () => {
  const outcome = run(`${importSafecopy}
    const seen = [];
    const listener = (signal) => seen.push(signal);
    for (const signal of ['SIGSEGV', 'SIGBUS']) {
      process.on(signal, listener);
      process.once(signal, listener);
    }
    console.log(fault(none), fault(pastEnd));
    process.kill(process.pid, 'SIGSEGV');
    process.kill(process.pid, 'SIGBUS');
    while (seen.length < 4) await new Promise(setImmediate);
    console.log(seen.sort().join(), fault(none), fault(pastEnd));
    process.off('SIGSEGV', listener);
    process.off('SIGBUS', listener);
    console.log(fault(none), fault(pastEnd));
    memory.crash(none);
  `);
  expectLines(outcome, [`${segv} ${bus}`, `SIGBUS,SIGBUS,SIGSEGV,SIGSEGV ${segv} ${bus}`, `${segv} ${bus}`], 'SIGSEGV');
});

testUnless(whyNoTestMemory, 'a crash outside of the copies kills as it did before', () => {
  for (const [crash, signal] of [
    ['memory.crash(none)', 'SIGSEGV'],
    ['memory.crash(pastEnd)', 'SIGBUS'],
    ['memory.crash(8)', 'SIGSEGV'],
    ["process.kill(process.pid, 'SIGSEGV'); await new Promise((resolve) => setTimeout(resolve, 60_000))", 'SIGSEGV'],
    ["process.kill(process.pid, 'SIGBUS'); await new Promise((resolve) => setTimeout(resolve, 60_000))", 'SIGBUS'],
  ]) {
    const without = run(`console.log('before'); ${crash}; console.log('after')`);
    expectLines(without, ['before'], signal);
    const after = run(`${loadNative} console.log(fault(none), trap()); ${crash}; console.log('after')`);
    expectLines(after, [`${segv} ${trapped}`], signal);
  }
});

testUnless(whyNoTestMemory, 'loaded only by a worker that ended: the handlers and what they call are still there', () => {
  const outcome = run(`
    const code = \`
      const { parentPort, workerData } = require('node:worker_threads');
      const binding = require('node:module').createRequire(workerData.folder)('node-gyp-build')(workerData.folder);
      parentPort.postMessage(binding.copyIn(new Uint8Array(8), workerData.none, 8, 0) + ' ' + binding.status[0]);
    \`;
    for (let i = 0; i < 3; i++) {
      const worker = new Worker(code, { eval: true, execArgv: [], workerData: { none, folder: ${JSON.stringify(packageFolder)} } });
      const [message] = await new Promise((resolve) => {
        const messages = [];
        worker.on('message', (message) => messages.push(message)).on('exit', () => resolve(messages));
      });
      console.log(message, trap());
    }
    ${loadNative}
    console.log(fault(none), trap());
    memory.crash(none);
  `);
  expectLines(outcome, [`0 11 ${trapped}`, `0 11 ${trapped}`, `0 11 ${trapped}`, `${segv} ${trapped}`], 'SIGSEGV');
});

testUnless(whyNoTestMemory, 'a worker that crashes kills the process, as before', () => {
  const outcome = run(`${loadNative}
    console.log(fault(none));
    const code = "const { workerData } = require('node:worker_threads'); require(workerData.addon).crash(workerData.none)";
    new Worker(code, { eval: true, execArgv: [], workerData: { none, addon: process.env.SBX_TEST_ADDON } });
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  `);
  expectLines(outcome, [segv], 'SIGSEGV');
});
