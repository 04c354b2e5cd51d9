/**
 * What the parts of a system call cost: `node … parts.ts PLATFORM PROGRAM SAMPLES MILLISECONDS` prints JSON, for each call the nanoseconds of the round trip, as
 * the program sees it, of the run loop and the handler together, and of the handler alone. PROGRAM is the bench's calls.c (see @sbx/cli), which also makes the
 * round trips. For the kernel's part the real run loop serves the program's real task, but the platform answers at once with the next call.
 */
import { constants, openSync } from 'node:fs';
import { type SyscallName, syscallNumber } from '@sbx/abi';
import { type Context, EVENT_SYSCALL, type PlatformProvider, REG } from '@sbx/platform';
import { HostFileSystem } from '../src/fs/host/host-file-system.js';
import type { SyscallHandler } from '../src/syscalls/entry.js';
import type { Task } from '../src/task/task.js';
import { boot } from '../test/support/boot.js';

const [, , platformName, program, samplesText, millisecondsText] = process.argv;
const samples = Number(samplesText);
const sampleNs = Number(millisecondsText) * 1e6;
const WARM_UP = 20_000;
const ARGUMENTS = [REG.rdi, REG.rsi, REG.rdx, REG.r10, REG.r8, REG.r9];

const provider: PlatformProvider = (await import(`@sbx/${platformName}-platform`))[`${platformName}Provider`];
const booted = boot(provider);
const { kernel } = booted;
booted.put('/bin/calls', program);
mountUsr();

function mountUsr(): void {
  const { vfs } = kernel;
  const directoryFd = openSync('/usr', constants.O_RDONLY | constants.O_DIRECTORY);
  const system = HostFileSystem.create(kernel, { directoryFd, readOnly: true, worldReadableOnly: true, cacheMs: 1000 });
  if (typeof system === 'number') throw new Error(`no host file system: ${system}`);
  vfs.mkdirAll(vfs.kernelCaller, '/usr', 0o755);
  vfs.mkdirAll(vfs.kernelCaller, '/tmp', 0o777);
  const mount = vfs.mountAt(vfs.kernelCaller, '/usr', system, '/usr');
  if (typeof mount === 'number') throw new Error(`cannot mount /usr: ${mount}`);
}

/** One call of a case: its name and arguments; null stands for the result of the one before. */
type Step = readonly [SyscallName, ...(number | null)[]];

/** What `calls stand` has laid out: the arguments of the calls that it makes. */
interface Area {
  readonly path: number;
  readonly hostPath: number;
  readonly buffer: number;
  readonly file: number;
  readonly hostFile: number;
  readonly zero: number;
}

/** Names as in calls.c. */
function cases({ path, hostPath, buffer, file, hostFile, zero }: Area): Record<string, Step[]> {
  return {
    getppid: [['getppid']],
    'read 1 byte': [['read', zero, buffer, 1]],
    'pread 4k': [['pread64', file, buffer, 4096, 0]],
    'pread 64k': [['pread64', file, buffer, 65536, 0]],
    'pwrite 4k': [['pwrite64', file, buffer, 4096, 0]],
    'pread 4k, host file': [['pread64', hostFile, buffer, 4096, 0]],
    'open + close': [
      ['open', path, 0],
      ['close', null],
    ],
    'open + close, host file': [
      ['open', hostPath, 0],
      ['close', null],
    ],
    stat: [['stat', path, buffer]],
    'stat, host file': [['stat', hostPath, buffer]],
    'mmap + munmap 64k': [
      ['mmap', 0, 65536, 3, 0x22, -1, 0],
      ['munmap', null, 65536],
    ],
  };
}

/** Answers for the platform: the next call is there. */
class Replay {
  readonly #numbers: number[];
  readonly #arguments: (number | null)[][];
  #next = 0;

  constructor(
    readonly task: Task,
    steps: readonly Step[],
  ) {
    this.#numbers = steps.map(([name]) => syscallNumber('amd64', name)!);
    this.#arguments = steps.map(([, ...values]) => values);
    this.#load(0);
  }

  /** Puts the next call into the registers. */
  advance(): void {
    if (this.#numbers.length === 1) return;
    this.#next = this.#next + 1 === this.#numbers.length ? 0 : this.#next + 1;
    this.#load(this.#next);
  }

  #load(index: number): void {
    const { page } = this.task;
    const values = this.#arguments[index];
    const result = page.reg(REG.rax);
    page.setReg(REG.origRax, this.#numbers[index]);
    for (let i = 0; i < values.length; i++) page.setReg(ARGUMENTS[i], values[i] ?? result);
  }

  get isAtStart(): boolean {
    return this.#next === 0;
  }
  get steps(): number {
    return this.#numbers.length;
  }
}

/** Nanoseconds of `count` rounds of a case through the run loop. */
function throughLoop(context: Context, replay: Replay, count: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let left = count * replay.steps;
    let start = 0n;
    context.switch = () => {
      if (start === 0n) {
        start = process.hrtime.bigint();
        return EVENT_SYSCALL;
      }
      replay.advance();
      if (--left > 0) return EVENT_SYSCALL;
      const time = Number(process.hrtime.bigint() - start);
      if (replay.task.page.regHigh(REG.rax) >= 2 ** 31) reject(new Error(`a call fails: ${replay.task.page.regLow(REG.rax) | 0}`));
      context.switch = stand;
      resolve(time);
      return stand();
    };
  });
}

/** The same by calling the handler. Promises are not waited for: a case that has to wait can't be measured. */
function handlersAlone(replay: Replay, count: number): number {
  const { task } = replay;
  const handlers = (kernel.loop as unknown as { handlers: SyscallHandler[] }).handlers;
  const start = process.hrtime.bigint();
  for (let i = count * replay.steps; i > 0; i--) {
    const result = handlers[task.page.sysno](task, task.page);
    if (typeof result !== 'number' || result < 0) throw new Error(`a call fails or waits: ${result}`);
    task.page.setResult(result);
    replay.advance();
  }
  return Number(process.hrtime.bigint() - start);
}

/** Between cases the program makes its own call, which does nothing. */
const getppid = syscallNumber('amd64', 'getppid')!;
let standing: Task | null = null;
function stand(): typeof EVENT_SYSCALL {
  standing!.page.setReg(REG.origRax, getppid);
  return EVENT_SYSCALL;
}

async function roundTrips(): Promise<Record<string, number[]>> {
  const { stdout, stderr, status } = await booted.run([
    '/bin/calls',
    samplesText,
    millisecondsText,
    '/tmp',
    ...Object.keys(cases({} as Area)),
  ]);
  if (status !== 0) throw new Error(`calls: wait status ${status}: ${stderr}`);
  const lines = stdout.trim().split('\n');
  return Object.fromEntries(lines.map((line) => [line.split('\t')[0], line.split('\t').slice(1).map(Number)]));
}

/** Starts the program that has the calls' arguments ready and finds them. */
async function startStanding(): Promise<Area> {
  void booted.run(['/bin/calls', 'stand', '/tmp']);
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const task = [...kernel.tasks.values()].find(({ page }) => page.sysno === getppid);
    if (task === undefined) continue;
    standing = task;
    const [path, hostPath, buffer, file, hostFile, zero] = ARGUMENTS.map((reg) => task.page.reg(reg));
    return { path, hostPath, buffer, file, hostFile, zero };
  }
}

const trips = await roundTrips();
const area = await startStanding();
const { context } = standing!;
const result: Record<string, { roundTrip: number[]; kernel: number[]; handler: number[] }> = {};
for (const [name, steps] of Object.entries(cases(area))) {
  const replay = new Replay(standing!, steps);
  const warm = await throughLoop(context, replay, WARM_UP);
  const count = Math.max(100, Math.floor((sampleNs * WARM_UP) / warm));
  result[name] = { roundTrip: trips[name], kernel: [], handler: [] };
  for (let i = 0; i < samples; i++) {
    result[name].kernel.push((await throughLoop(context, new Replay(standing!, steps), count)) / count);
    await new Promise((resolve) => setTimeout(resolve, 1));
    result[name].handler.push(handlersAlone(new Replay(standing!, steps), count) / count);
  }
}
console.log(JSON.stringify(result));
process.exit(0);
