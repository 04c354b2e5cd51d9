import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect } from 'vitest';
import { systrapMissing, testWithSystrap } from '../usable.js';
import { describe as describeRule, type Rule } from './filters.js';
import * as layout from './layout.js';
import type { Report, Seen } from './report.js';
import { attackObserved } from './run.js';
import { judge, summarize, type Verdict } from './verdict.js';

const MMAP = 9;
const SECCOMP = 317;
const NAMES = { 1: 'write', 14: 'rt_sigprocmask', 202: 'futex' };
/** About a minute. */
const OFFERED = { jumps: 120_000, racedJumps: 5_000, numbers: 470, numberStep: 3, milliseconds: 500 };

/** A slice of what `soak` does: hostile programs in stub processes, and an observer outside that sees what the host does for them. */
describe('hostile programs', () => {
  let report: Report;
  let seen: Seen[];
  let verdict: Verdict;

  beforeAll(async () => {
    if (systrapMissing !== undefined) return;
    const seed = Date.now() % 2 ** 31;
    const start = performance.now();
    const observed = await attackObserved(OFFERED, seed);
    ({ report, seen } = observed);
    verdict = judge(report, seen);
    console.info(`seed ${seed}: ${summarize(report, verdict, performance.now() - start)}`);
  }, 600_000);

  testWithSystrap('have no effect on the host that the sentry did not order', () => {
    expect(verdict.faults).toEqual([]);
  });

  testWithSystrap('would not go unnoticed if they had', () => {
    const faults = (change: (one: Seen, i: number) => Seen) => judge(report, seen.map(change)).faults.length;
    const first = (role: Seen['role'], nr: number) => seen.findIndex((one) => one.kind === 'call' && one.role === role && one.nr === nr);
    const changed = (at: number, change: Partial<Seen>) => faults((one, i) => (i === at ? { ...one, ...change } : one));
    const mapping = seen.findIndex(({ nr, args }) => nr === MMAP && args[4] === layout.FD_MEMORY);
    const { args } = seen[mapping]!;
    // A mapping of a thread's own, one with another protection, a thread without its filter, a call that is only summed up with another argument.
    expect(changed(first('thread', SECCOMP), { nr: MMAP, args })).toBe(1);
    expect(changed(mapping, { args: args.with(2, 7n) })).toBe(1);
    expect(changed(first('thread', SECCOMP), { args: [1n, 4n, 0n, 0n, 0n, 0n] })).toBe(1);
    const sum = seen.findIndex(({ kind, nr }) => kind === 'sum' && nr === 1);
    expect(changed(sum, { args: seen[sum]!.args.with(0, layout.FD_DONE) })).toBe(1);
  });

  testWithSystrap('try what there is to try', () => {
    const { refused, signal, stopped, killed } = { refused: report.outcomes['refused call'], ...report.outcomes };
    expect(report.files.length).toBeGreaterThanOrEqual(50);
    expect(report.attempts).toBeGreaterThan(OFFERED.jumps);
    expect(Math.min(refused, signal, stopped, killed)).toBeGreaterThan(10);
    expect(verdict.guestCalls).toBeGreaterThan(100);
    expect(verdict.processes).toBeGreaterThan(killed);
  });

  testWithSystrap('end with a reason and a line in the log when they break the rules', () => {
    expect(Object.keys(report.reasons).length).toBeGreaterThan(0);
    for (const reason of Object.keys(report.reasons)) expect(reason).toMatch(/^(its process (was killed|died)|a thread)/);
    const ended = Object.values(report.reasons).reduce((sum, count) => sum + count, 0);
    expect(report.logLines).toBeGreaterThanOrEqual(ended);
  });

  testWithSystrap('can make the host calls that the README lists, and no others', () => {
    const text = { min: layout.STUB_BASE, max: layout.STUB_BASE + BigInt(layout.STUB_SIZE - 1) };
    const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
    const documented = [...readme.matchAll(/^\| `([a-z_]+\(.*?\))` \|/gm)].map(([, rule]) => rule);
    expect(verdict.rules.map((rule) => describeRule(rule, text, NAMES)).sort()).toEqual(documented.sort());
    // One instruction for each.
    expect(new Set(verdict.rules.map(({ ip }) => ip)).size).toBe(verdict.rules.length);
    const bytes = Buffer.from(report.text, 'base64');
    const at = (address: bigint) => Number(address - layout.STUB_BASE);
    for (const { ip } of verdict.rules) expect(bytes.readUInt16BE(at(ip) - 2)).toBe(0x0f05);
    const rule = (nr: number) => verdict.rules.find((one) => one.nr === nr) as Rule;
    expect(bytes.readBigUInt64LE(at(rule(1).args[1]!.min))).toBe(1n);
    // The mask that threads have: SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGSYS and the kick (SIGURG) are not blocked.
    const unblocked = [4, 5, 7, 8, 11, 31, 23].reduce((mask, signal) => mask | (1n << BigInt(signal - 1)), 0n);
    expect(bytes.readBigUInt64LE(at(rule(14).args[1]!.min))).toBe(BigInt.asUintN(64, ~unblocked));
  });
});
