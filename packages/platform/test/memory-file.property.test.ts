import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MEMORY_ANONYMOUS, MEMORY_TMPFS, MemoryFile, PAGE_SIZE } from '../src/index.js';

const LIMIT = 4 * 2 ** 20;

const operation = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ type: fc.constant('allocate' as const), pages: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 100 })) }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('free' as const), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('share' as const), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('decommit' as const), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('trim' as const) }) },
);

/** With huge pages for shared memory the host commits more than it was asked for. */
const smallPages = /\[(never|deny)\]/.test(readFileSync('/sys/kernel/mm/transparent_hugepage/shmem_enabled', 'utf8'));

/** The same invariants as those of the page store, seen through real memory: contents, zeroes, and the host's own figures. */
test('contents belong to their owner, new memory is zero, and the host agrees on the amount', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 80 }), (operations) => {
      const memory = MemoryFile.create({ name: 'property', limit: LIMIT, retain: LIMIT / 4, chunkSize: 2 ** 21 });
      const owned: { offset: number; length: number; refs: number; stamp: number }[] = [];
      let stamp = 0;
      try {
        for (const op of operations) {
          const range = 'pick' in op ? owned[op.pick % Math.max(1, owned.length)] : undefined;
          if (op.type === 'allocate') {
            const length = op.pages * PAGE_SIZE;
            const offset = memory.allocate(length, op.pages % 2 === 0 ? MEMORY_ANONYMOUS : MEMORY_TMPFS);
            if (offset < 0) continue;
            const words = new Uint32Array(memory.chunks[Math.floor(offset / memory.chunkSize)], offset % memory.chunkSize, length / 4);
            expect(words.every((word) => word === 0)).toBe(true);
            words.fill(++stamp);
            owned.push({ offset, length, refs: 1, stamp });
          } else if (op.type === 'trim') memory.trim();
          else if (range === undefined) continue;
          else if (op.type === 'share') {
            memory.incRef(range.offset, range.length);
            range.refs++;
          } else if (op.type === 'decommit') {
            memory.decommit(range.offset, range.length);
            range.stamp = 0;
          } else {
            memory.decRef(range.offset, range.length);
            if (--range.refs === 0) owned.splice(owned.indexOf(range), 1);
          }
          if (smallPages) expect(memory.hostBytes()).toBe(memory.committedBytes());
          expect(memory.committedBytes()).toBeLessThanOrEqual(LIMIT);
        }
        for (const { offset, length, stamp, refs } of owned) {
          const bytes = memory.bytes(offset, length);
          const words = new Uint32Array(bytes.buffer, bytes.byteOffset, length / 4);
          expect(words.every((word) => word === stamp)).toBe(true);
          expect(memory.refCount(offset)).toBe(refs);
        }
        expect(memory.totalUsage()).toBe(owned.reduce((sum, { length }) => sum + length, 0));
      } finally {
        memory.destroy();
      }
    }),
    { numRuns: 60 },
  );
});
