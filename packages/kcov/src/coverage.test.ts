import { describe, expect, it } from 'vitest';
import { Coverage, clearCoverageData, consumeCoverageData, coverage, kcovAvailable, pcToSource } from './coverage.js';
import type { CoverageData } from './coverage-data.js';

/** What an instrumented block does. */
const reach = (registry: Coverage, block: number) => void (registry.counters[block]++ || registry.hit(block));
/** Two blocks: 1:0 to 1:5, and 2:0 to 2:5. */
const BLOCKS = [1, 0, 1, 5, 2, 0, 2, 5];

function drain(registry: Coverage, data: CoverageData, room = Number.POSITIVE_INFINITY): bigint[] {
  const pcs: bigint[] = [];
  data.consume(registry.order, (low, high) => pcs.length < room && pcs.push((BigInt(high) << 32n) | BigInt(low)) > 0);
  return pcs;
}

describe('Coverage', () => {
  it('numbers blocks by the names of files, whatever their order', () => {
    const registry = new Coverage();
    const b = registry.register('b.ts', BLOCKS);
    const a = registry.register('a.ts', BLOCKS);
    reach(registry, b + 1);
    reach(registry, a);
    expect(drain(registry, registry.common)).toEqual([0xffffffff80000003n, 0xffffffff80000000n]);
    expect(registry.table.locate(0xffffffff80000003n)).toEqual({ file: 'b.ts', line: 2, column: 0, endLine: 2, endColumn: 5 });
    for (const pc of [0xffffffff80000004n, 0xffffffff7fffffffn, 0x80000000n, 0n, -1n, 2n ** 70n])
      expect(registry.table.locate(pc)).toBeNull();
  });

  it('gives a block once, however often it was hit, and again after it was consumed', () => {
    const registry = new Coverage();
    const base = registry.register('a.ts', BLOCKS);
    for (let i = 0; i < 5; i++) reach(registry, base);
    expect(registry.common.counters[base]).toBe(5);
    expect(drain(registry, registry.common)).toHaveLength(1);
    expect(drain(registry, registry.common)).toEqual([]);
    reach(registry, base);
    expect(drain(registry, registry.common)).toHaveLength(1);
  });

  it('keeps what a full writer did not take', () => {
    const registry = new Coverage();
    const base = registry.register('a.ts', [...BLOCKS, ...BLOCKS]);
    for (let i = 0; i < 4; i++) reach(registry, base + i);
    expect(drain(registry, registry.common, 3)).toEqual([0, 1, 2].map((i) => 0xffffffff80000000n + BigInt(i)));
    reach(registry, base);
    expect(drain(registry, registry.common)).toEqual([0xffffffff80000003n, 0xffffffff80000000n]);
  });

  it('keeps apart what runs for different tasks, at a cost of what was hit', () => {
    const registry = new Coverage();
    const base = registry.register('a.ts', BLOCKS);
    const one = registry.createData();
    const two = registry.createData();
    registry.switchTo(one);
    reach(registry, base);
    registry.switchTo(two);
    reach(registry, base + 1);
    registry.switchTo(one);
    reach(registry, base);
    registry.switchTo(registry.common);
    expect([one.length, two.length, registry.common.length]).toEqual([1, 1, 0]);
    expect(drain(registry, one)).toEqual([0xffffffff80000000n]);
    expect(drain(registry, two)).toEqual([0xffffffff80000001n]);
    registry.releaseData(one);
    expect(registry.createData().length).toBe(0);
  });

  it('counts what a writer hits itself', () => {
    const registry = new Coverage();
    const many = 1000;
    const base = registry.register('a.ts', Array.from({ length: many }, () => [1, 0, 1, 1]).flat());
    for (let i = 0; i < 300; i++) reach(registry, base + i);
    let next = 300;
    const written = registry.common.consume(registry.order, () => {
      reach(registry, base + next++);
      reach(registry, base);
      return true;
    });
    expect(written).toBe(300);
    expect(registry.common.length).toBe(301);
    expect(drain(registry, registry.common)).toHaveLength(301);
    expect(registry.common.counters.every((count) => count === 0)).toBe(true);
  });

  it('takes files that come later, and code that runs before it has registered', () => {
    const registry = new Coverage();
    reach(registry, Number.NaN);
    reach(registry, undefined as unknown as number);
    registry.register('b.ts', BLOCKS);
    const data = registry.createData();
    registry.switchTo(data);
    const base = registry.register('a.ts', BLOCKS);
    reach(registry, base + 1);
    reach(registry, base + 1);
    expect(drain(registry, data)).toEqual([0xffffffff80000001n]);
  });

  it('survives a counter that overflows', () => {
    const registry = new Coverage();
    const base = registry.register('a.ts', BLOCKS);
    reach(registry, base);
    registry.common.counters[base] = 0xffffffff;
    reach(registry, base);
    expect(registry.common.counters[base]).toBe(0);
    expect(drain(registry, registry.common)).toHaveLength(1);
  });
});

describe('the registry of the process', () => {
  it('is read as little-endian words', () => {
    expect(kcovAvailable()).toBe(false);
    const base = coverage.register('src/a.ts', BLOCKS);
    expect(kcovAvailable()).toBe(true);
    reach(coverage, base);
    clearCoverageData();
    reach(coverage, base + 1);
    reach(coverage, base);
    const words: string[] = [];
    const write = (word: Uint8Array) => words.length < 1 && words.push(Buffer.from(word).toString('hex')) > 0;
    expect(consumeCoverageData(write)).toBe(8);
    expect(words).toEqual(['01000080ffffffff']);
    words.length = 0;
    expect(consumeCoverageData(write)).toBe(8);
    expect(words).toEqual(['00000080ffffffff']);
    expect(consumeCoverageData(write)).toBe(0);
    expect(pcToSource(0xffffffff80000001n)).toEqual({ file: 'src/a.ts', line: 2, column: 0, endLine: 2, endColumn: 5 });
  });
});
