import { EAGAIN, EDEADLK, ENOLCK, F_RDLCK, F_UNLCK, F_WRLCK } from '@sbx/abi';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FileLocks } from './file-locks.js';

const SIZE = 24;
const INFINITY = Number.POSITIVE_INFINITY;

describe('range locks', () => {
  it('behaves like a table of bytes', () => {
    const operation = fc.record({
      owner: fc.integer({ min: 0, max: 2 }),
      type: fc.constantFrom(F_RDLCK, F_WRLCK, F_UNLCK),
      start: fc.integer({ min: 0, max: SIZE - 1 }),
      length: fc.integer({ min: 1, max: SIZE }),
    });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
        const locks = new FileLocks();
        const owners = [{}, {}, {}];
        // For each owner and byte: the lock's type, or F_UNLCK.
        const model = owners.map(() => new Array<number>(SIZE).fill(F_UNLCK));
        for (const { owner, type, start, length } of operations) {
          const end = Math.min(start + length, SIZE) - 1;
          const conflicts = model.some(
            (bytes, other) =>
              other !== owner && bytes.slice(start, end + 1).some((held) => held !== F_UNLCK && (held === F_WRLCK || type === F_WRLCK)),
          );
          const expected = type !== F_UNLCK && conflicts ? -EAGAIN : 0;
          expect(locks.conflict(owners[owner], type, start, end) !== null).toBe(
            type !== F_UNLCK ? conflicts : anyWrite(model, owner, start, end),
          );
          expect(locks.setRange(owners[owner], owner, type, start, end)).toBe(expected);
          if (expected === 0) model[owner].fill(type, start, end + 1);
          const held = owners.map(() => new Array<number>(SIZE).fill(F_UNLCK));
          for (const lock of locks.ranges) held[owners.indexOf(lock.owner)].fill(lock.type, lock.start, lock.end + 1);
          expect(held).toEqual(model);
        }
        for (const owner of owners) locks.removeOwner(owner);
        expect(locks.isEmpty).toBe(true);
      }),
    );
  });

  it('merges neighbours of one kind', () => {
    const locks = new FileLocks();
    const owner = {};
    locks.setRange(owner, 1, F_RDLCK, 0, 9);
    locks.setRange(owner, 1, F_RDLCK, 10, 19);
    locks.setRange(owner, 1, F_RDLCK, 20, INFINITY);
    expect(locks.ranges).toEqual([{ owner, pid: 1, type: F_RDLCK, start: 0, end: INFINITY }]);
  });

  it('finds circles of waiters', () => {
    const locks = new FileLocks();
    const [a, b, c] = [{}, {}, {}];
    expect(locks.beginWait(a, b)).toBe(0);
    expect(locks.beginWait(b, c)).toBe(0);
    expect(locks.beginWait(c, a)).toBe(-EDEADLK);
    locks.endWait(a);
    expect(locks.beginWait(c, a)).toBe(0);
    for (const owner of [a, b, c]) locks.endWait(owner);
  });

  it('has a limit', () => {
    const locks = new FileLocks();
    const owner = {};
    let result = 0;
    let count = 0;
    while (result === 0 && count < 20_000) result = locks.setRange(owner, 1, F_RDLCK, count++ * 2, count * 2 - 2);
    expect(result).toBe(-ENOLCK);
  }, 120_000);
});

/** An unlock "conflicts" with nothing but write locks, as `conflict` is defined for any type. */
function anyWrite(model: number[][], owner: number, start: number, end: number): boolean {
  return model.some((bytes, other) => other !== owner && bytes.slice(start, end + 1).includes(F_WRLCK));
}
