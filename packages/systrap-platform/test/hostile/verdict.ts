import { ANY, allowed, both, type Rule, readProgram } from './filters.js';
import * as layout from './layout.js';
import type { Report, Seen } from './report.js';
import { CODE, type Order } from './victim.js';

const ARCH_X86_64 = 0xc000003e;
const MMAP = 9;
const MPROTECT = 10;
const MUNMAP = 11;
const CLONE = 56;
const READ = 1n;
const EXECUTE = 4n;
const PAGE = 4096n;
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
  // The calls of each process's first thread and of each other thread; numbers are used again.
  const processes: Seen[][] = [];
  const threads: Seen[][] = [];
  const groups = new Map<number, Seen[]>();
  let guestCalls = 0;
  for (const one of seen) {
    if (one.arch !== ARCH_X86_64) fault('a foreign architecture', one);
    if (one.kind === 'sum') {
      guestCalls += one.count;
      if (!rules.some((rule) => matches(rule, one))) fault('the filters should not allow', one);
    } else {
      if (one.role === 'child' || one.nr === SIGALTSTACK) {
        const group: Seen[] = [];
        (one.role === 'child' ? processes : threads).push(group);
        groups.set(one.thread, group);
      }
      const group = groups.get(one.thread);
      if (group === undefined || (group[0] !== undefined && (group[0].role === 'thread') !== (one.role === 'thread')))
        fault('not known whose', one);
      else group.push(one);
    }
  }
  let clones = 0;
  const orders = new Map<number, Order[]>();
  for (const order of report.orders) {
    const own = orders.get(order.serial);
    if (own === undefined) orders.set(order.serial, [order]);
    else own.push(order);
  }
  for (const [i, [exec, ...calls]] of processes.entries()) {
    const own = orders.get(i + 1) ?? [];
    if (own.some((order) => order.process !== exec!.process)) fault('not the process that was ordered', exec!);
    clones += judgeProcess(own, calls, filters.mapper, fault);
  }
  for (const calls of threads) judgeThread(calls, filters.guest, fault);
  if (threads.length > clones) faults.push(`${threads.length} threads began, ${clones} were made`);
  return {
    faults,
    rules,
    processes: processes.length,
    threads: threads.length,
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
function judgeProcess(ordered: readonly Order[], calls: readonly Seen[], filter: bigint, fault: Fault): number {
  for (const [i, nr] of START.entries()) {
    if (calls[i] !== undefined && calls[i].nr !== nr) fault(`not step ${i} of a start`, calls[i]);
  }
  const last = calls[START.length - 1];
  if (last !== undefined && !isAt(last, SECCOMP, [...SECCOMP_SET_FILTER, filter])) fault('not the filter of a process', last);
  const orders = [...ordered];
  let clones = 0;
  for (const one of calls.slice(START.length)) {
    if (one.nr === CLONE) {
      const slot = layout.slotAddress(clones++);
      if (!isAt(one, CLONE, [THREAD_FLAGS, slot + layout.SLOT_IMAGE, slot + layout.SLOT_TID])) fault('not ordered', one);
      continue;
    }
    if (isRewriting(one)) continue;
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

/** A page of the code with rewritten sites, or the table: read-only, of a file that only the sentry writes to. */
function isRewriting({ nr, args }: Seen): boolean {
  const [address, length, protection, flags, file, offset] = args as [bigint, bigint, bigint, bigint, bigint, bigint];
  if (nr !== MMAP || flags !== MAP_SHARED_FIXED || file !== layout.FD_PATCH) return false;
  if (address === layout.TABLE_BASE) return length === BigInt(layout.TABLE_SIZE) && protection === READ && offset === 0n;
  return (
    address === BigInt(CODE) && length === PAGE && protection === (READ | EXECUTE) && offset >= layout.TABLE_SIZE && offset % PAGE === 0n
  );
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
