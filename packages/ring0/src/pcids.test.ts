import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FIRST_USER_PCID, KERNEL_PCID, PCID_POOL_SIZE, PCIDs } from './pcids.js';

describe('PCIDs', () => {
  it('come back without a flush until they are taken away, the one unused longest first', () => {
    const pool = new PCIDs(2, 2);
    const [a, b, c] = [{}, {}, {}];
    const assign = (tables: object) => [pool.assign(tables), pool.flush];
    expect(assign(a)).toEqual([2, true]);
    expect(assign(b)).toEqual([3, true]);
    expect(assign(a)).toEqual([2, false]);
    expect(assign(c)).toEqual([3, true]);
    expect(assign(a)).toEqual([2, false]);
    expect(assign(b)).toEqual([3, true]);
  });

  it('flush once after invalidate, and after drop', () => {
    const pool = new PCIDs();
    const a = {};
    pool.assign(a);
    pool.invalidate(a);
    pool.assign(a);
    expect(pool.flush).toBe(true);
    pool.assign(a);
    expect(pool.flush).toBe(false);
    pool.invalidateAll();
    pool.assign(a);
    expect(pool.flush).toBe(true);
    pool.drop(a);
    pool.assign(a);
    expect(pool.flush).toBe(true);
    pool.drop({});
    pool.invalidate({});
  });

  it('are 0 with a flush each time where the CPU has none', () => {
    const pool = new PCIDs(FIRST_USER_PCID, 0);
    const a = {};
    expect([pool.assign(a), pool.flush, pool.assign(a), pool.flush]).toEqual([0, true, 0, true]);
    expect(() => new PCIDs(4090, 8)).toThrow(RangeError);
  });

  it('never let tables run over the TLB entries of others', () => {
    // A TLB per PCID that remembers whose entries, and which version of them, it may hold.
    const step = fc.tuple(fc.constantFrom('assign', 'assign', 'assign', 'change', 'drop'), fc.nat(11));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
        const pool = new PCIDs();
        const tables = Array.from({ length: 12 }, () => ({ version: 0 }));
        const tlb = new Map<number, string>();
        for (const [kind, index] of steps) {
          const one = tables[index]!;
          if (kind === 'change') {
            one.version++;
            pool.invalidate(one);
          } else if (kind === 'drop') {
            pool.drop(one);
            tables[index] = { version: 0 };
          } else {
            const pcid = pool.assign(one);
            expect(pcid).toBeGreaterThan(KERNEL_PCID);
            expect(pcid).toBeLessThan(FIRST_USER_PCID + PCID_POOL_SIZE);
            const mine = `${index}:${one.version}`;
            if (!pool.flush) expect(tlb.get(pcid)).toBe(mine);
            tlb.set(pcid, mine);
          }
        }
      }),
    );
  });
});
