import { ANY, allowed, both, type Rule, readProgram } from './filters.js';
import * as layout from './layout.js';
import type { Report, Seen } from './report.js';

const ARCH_X86_64 = 0xc000003e;
const MMAP = 9;
const MPROTECT = 10;
const MUNMAP = 11;
const CLONE = 56;
const SECCOMP = 317;
const SIGALTSTACK = 131;
const PRCTL = 157;
const MEMBARRIER = 324;
const NUMBERS = { mmap: MMAP, mprotect: MPROTECT, munmap: MUNMAP, clone: CLONE };
const MAP_SHARED_FIXED = 0x11n;
const MAP_POPULATE = 0x8000n;
const THREAD_FLAGS = 0x150f00n;
const SET_DISPATCH = [59n, 1n, layout.STUB_BASE, BigInt(layout.STUB_SIZE), 0n];
const SECCOMP_SET_FILTER = [1n, 4n];
/** rt_sigaction for each signal that is caught, rt_sigprocmask, the three first mappings, close, munmap of five holes, prctl, membarrier, seccomp. */
const START = [...Array(7).fill(13), 14, MMAP, MMAP, MMAP, 3, ...Array(5).fill(MUNMAP), PRCTL, MEMBARRIER, SECCOMP];

/** What an observation shows: every difference between what the host did for stub processes and what it was ordered to do. */
export interface Verdict {
  readonly faults: readonly string[];
  /** What threads that run guest code may call, by the filters that stub processes installed. */
  readonly rules: readonly Rule[];
  readonly processes: number;
  readonly threads: number;
  /** System calls that the host performed. */
  readonly calls: number;
  /** Of these, those of threads that run guest code, or could. */
  readonly guestCalls: number;
}

const hex = (seen: Seen): string =>
  `${seen.role} ${seen.thread} of ${seen.process}: call ${seen.nr}(${seen.args.map((value) => `0x${value.toString(16)}`).join(', ')}) at 0x${seen.ip.toString(16)}`;

const isAt = (seen: Seen, nr: number, args: readonly bigint[]): boolean =>
  seen.nr === nr && args.every((value, i) => seen.args[i] === value);

/** Judges a log of the observer by the orders of the sentry. */
export function judge(report: Report, seen: readonly Seen[]): Verdict {
  const text = Buffer.from(report.text, 'base64');
  const filters = { guest: BigInt(report.filters.guest), mapper: BigInt(report.filters.mapper) };
  const rules = both(
    allowed(readProgram(text, layout.STUB_BASE, filters.guest)),
    allowed(readProgram(text, layout.STUB_BASE, filters.mapper)),
  );
  const faults: string[] = [];
  const fault = (what: string, one: Seen) => faults.push(`${what}: ${hex(one)}`);
  const processes = new Map<number, Seen[]>();
  const threads = new Map<number, Seen[]>();
  let guestCalls = 0;
  for (const one of seen) {
    if (one.arch !== ARCH_X86_64) fault('a foreign architecture', one);
    if (one.kind === 'sum') {
      guestCalls += one.count;
      if (!rules.some((rule) => matches(rule, one))) fault('the filters should not allow', one);
    } else {
      const group = one.role === 'mapper' ? processes : threads;
      if (one.role !== 'mapper' && one.role !== 'thread') fault('not known whose', one);
      else group.set(one.thread, [...(group.get(one.thread) ?? []), one]);
    }
  }
  let clones = 0;
  for (const [process, calls] of processes) clones += judgeProcess(report, process, calls, filters.mapper, fault);
  for (const calls of threads.values()) judgeThread(calls, filters.guest, fault);
  if (threads.size > clones) faults.push(`${threads.size} threads began, ${clones} were made`);
  return {
    faults,
    rules,
    processes: processes.size,
    threads: threads.size,
    calls: seen.reduce((sum, one) => sum + one.count, 0),
    guestCalls,
  };
}

function matches(rule: Rule, seen: Seen): boolean {
  if (rule.nr !== seen.nr || rule.ip !== seen.ip) return false;
  // What is free was summed up as 0.
  return rule.args.every(({ min, max }, i) => (min === ANY.min && max === ANY.max) || min < max || seen.args[i] === min);
}

type Fault = (what: string, seen: Seen) => void;

/** A stub process's first thread: its start, then what the sentry ordered, in that order. Returns the number of threads it was ordered to make. */
function judgeProcess(report: Report, process: number, calls: readonly Seen[], filter: bigint, fault: Fault): number {
  for (const [i, nr] of START.entries()) {
    if (calls[i] !== undefined && calls[i].nr !== nr) fault(`not step ${i} of a start`, calls[i]);
  }
  const last = calls[START.length - 1];
  if (last !== undefined && !isAt(last, SECCOMP, [...SECCOMP_SET_FILTER, filter])) fault('not the filter of a process', last);
  const orders = report.orders.filter((order) => order.process === process);
  let clones = 0;
  for (const one of calls.slice(START.length)) {
    if (one.nr === CLONE) {
      const slot = layout.slotAddress(clones++);
      if (!isAt(one, CLONE, [THREAD_FLAGS, slot + layout.SLOT_IMAGE, slot + layout.SLOT_TID])) fault('not ordered', one);
      continue;
    }
    const order = orders.shift();
    if (order === undefined || NUMBERS[order.call] !== one.nr) {
      fault('not ordered', one);
    } else if (order.call === 'mmap') {
      const [address, length, access, offset] = order.args.map(BigInt) as [bigint, bigint, bigint, bigint];
      const flags = (one.args[3] ?? 0n) & ~MAP_POPULATE;
      if (
        !isAt(one, MMAP, [address, length, access]) ||
        flags !== MAP_SHARED_FIXED ||
        !(one.args[4] === layout.FD_MEMORY && one.args[5] === offset)
      ) {
        fault('not as it was ordered', one);
      }
    } else if (!isAt(one, NUMBERS[order.call], order.args.map(BigInt))) {
      fault('not as it was ordered', one);
    }
  }
  return clones;
}

/** A thread before it runs guest code. What it may do later was summed up: more than this is a fault. */
function judgeThread(calls: readonly Seen[], filter: bigint, fault: Fault): void {
  const [stack, dispatch, seccomp, ...more] = calls;
  const isLine = (address: bigint) =>
    (address - layout.LINE_ALTSTACK - layout.lineAddress(0)) % layout.LINE_SIZE === 0n && address >= layout.lineAddress(0);
  if (stack !== undefined && !(stack.nr === SIGALTSTACK && isLine(stack.args[0]!) && stack.args[1] === 0n))
    fault('not a signal stack', stack);
  if (dispatch !== undefined && !isAt(dispatch, PRCTL, SET_DISPATCH)) fault('not the dispatch', dispatch);
  if (seccomp !== undefined && !isAt(seccomp, SECCOMP, [...SECCOMP_SET_FILTER, filter])) fault('not the filter of a thread', seccomp);
  for (const one of more) fault('a call of its own', one);
}

/** The summary that people read. */
export function summarize(report: Report, verdict: Verdict, milliseconds: number): string {
  const { outcomes } = report;
  const lines = [
    `${report.attempts} attempts with ${report.files.length} register files in ${(milliseconds / 1000).toFixed(0)} s: ${outcomes['refused call']} refused calls, ` +
      `${outcomes.signal} signals, ${outcomes.stopped} stopped, ${outcomes.killed} killed; ${report.checks} checks of bystanders`,
    `the host performed ${verdict.calls} calls for ${verdict.processes} processes and ${verdict.threads} threads, ${verdict.guestCalls} of them of threads with guest code; ` +
      `${verdict.faults.length} not ordered`,
    ...Object.entries(report.reasons).map(([reason, count]) => `  ${count} times: ${reason}`),
    ...report.phases.map(({ name, attempts, milliseconds }) => `  ${name}: ${attempts} in ${milliseconds} ms`),
  ];
  return lines.join('\n');
}
