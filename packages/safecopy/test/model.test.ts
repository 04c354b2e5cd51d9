/** Every operation on memory whose pages are readable and writable, read-only, unmapped or past the end of their file, against a model. */
import fc from 'fast-check';
import { beforeAll, describe, expect } from 'vitest';
import { testUnless } from '../../../tools/native/conditional-test.js';
import * as safecopy from '../src/index.js';
import { BusError, lastFault, lastFaultAddress, lastFaultSignal, SegvError } from '../src/index.js';
import { buildTestMemory, loadTestMemory, PAGE, type TestMemory, whyNoTestMemory } from './memory.js';

type Page = 'writable' | 'readable' | 'unmapped' | 'past end';
const pages = 6;
const size = pages * PAGE;
const SIGBUS = 7;
const SIGSEGV = 11;

let memory: TestMemory;
let base: number;

beforeAll(async () => {
  if (whyNoTestMemory) return;
  memory = loadTestMemory(await buildTestMemory('model'));
  // One page before and after, so that what lies outside of the model is not mapped either.
  base = memory.reserve(size + 2 * PAGE) + PAGE;
});

/** Maps the pages and fills those that can be with `contents`. */
function mapPages(kinds: Page[], contents: Uint8Array): void {
  kinds.forEach((kind, index) => {
    const address = base + index * PAGE;
    if (kind === 'past end') expect(memory.mapFile(address, PAGE, 0)).toBeGreaterThan(0);
    else expect(memory.map(address, PAGE, kind === 'unmapped' ? 0 : 3)).toBe(0);
    if (kind === 'writable' || kind === 'readable') {
      expect(safecopy.copyOut(address, contents, PAGE, index * PAGE)).toBe(PAGE);
      if (kind === 'readable') expect(memory.protect(address, PAGE, 1)).toBe(0);
    } else {
      contents.fill(0, index * PAGE, (index + 1) * PAGE);
    }
  });
}

function contentsNow(kinds: Page[]): Uint8Array {
  const contents = new Uint8Array(size);
  kinds.forEach((kind, index) => {
    if (kind === 'writable' || kind === 'readable') {
      expect(safecopy.copyIn(contents, base + index * PAGE, PAGE, index * PAGE)).toBe(PAGE);
    }
  });
  return contents;
}

/** How many of `length` bytes at `offset` can be accessed, and the signal of the first that can't. */
function accessible(kinds: Page[], offset: number, length: number, write: boolean): { count: number; signal: number } {
  for (let at = offset; at < offset + length; at = (Math.floor(at / PAGE) + 1) * PAGE) {
    const kind = kinds[Math.floor(at / PAGE)] ?? 'unmapped';
    if (kind === 'past end') return { count: at - offset, signal: SIGBUS };
    if (kind === 'unmapped' || (write && kind === 'readable')) return { count: at - offset, signal: SIGSEGV };
  }
  return { count: length, signal: 0 };
}

function expectFault(signal: number, address: number): void {
  expect(lastFaultSignal()).toBe(signal);
  const fault = lastFault();
  if (signal === 0) {
    expect(fault).toBeUndefined();
  } else {
    expect(lastFaultAddress()).toBe(address);
    expect(fault).toBeInstanceOf(signal === SIGBUS ? BusError : SegvError);
    expect(fault).toMatchObject({ addr: address, code: signal === SIGBUS ? 'ERR_SBX_BUS' : 'ERR_SBX_SEGV' });
  }
}

const pageKinds = fc.array(fc.constantFrom<Page>('writable', 'writable', 'readable', 'unmapped', 'past end'), {
  minLength: pages,
  maxLength: pages,
});
/** Offsets and lengths that like to be near the boundaries of pages. */
const offsetIn = fc.oneof(
  fc.integer({ min: 0, max: size - 1 }),
  fc.tuple(fc.integer({ min: 1, max: pages - 1 }), fc.integer({ min: -40, max: 40 })).map(([page, shift]) => page * PAGE + shift),
);
const lengths = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 3 * PAGE }));
/** What the pages are filled with, by seed: a failure that prints a number is read more easily than one that prints the pages. */
const seeds = fc.integer({ min: 1, max: 250 });
const filling = (seed: number) => Uint8Array.from({ length: size }, (_, i) => (i * seed + (i >> 8)) & 0xff);

describe('memory that may fault follows the model', () => {
  testUnless(whyNoTestMemory, 'copyIn', () => {
    fc.assert(
      fc.property(pageKinds, seeds, offsetIn, lengths, fc.nat(70), (kinds, seed, offset, length, shift) => {
        const bytes = filling(seed);
        mapPages(kinds, bytes);
        const { count, signal } = accessible(kinds, offset, length, false);
        const buffer = new Uint8Array(length + shift + 9).fill(0xd7);
        expect(safecopy.copyIn(buffer, base + offset, length, shift)).toBe(count);
        expectFault(signal, base + offset + count);
        const expected = new Uint8Array(buffer.length).fill(0xd7);
        expected.set(bytes.subarray(offset, offset + count), shift);
        expect(Buffer.compare(buffer, expected)).toBe(0);
      }),
    );
  });

  testUnless(whyNoTestMemory, 'copyOut', () => {
    fc.assert(
      fc.property(pageKinds, seeds, offsetIn, lengths, fc.nat(70), (kinds, seed, offset, length, shift) => {
        const bytes = filling(seed);
        mapPages(kinds, bytes);
        const { count, signal } = accessible(kinds, offset, length, true);
        const source = Uint8Array.from({ length: length + shift + 9 }, (_, i) => i * 11);
        expect(safecopy.copyOut(base + offset, source, length, shift)).toBe(count);
        expectFault(signal, base + offset + count);
        bytes.set(source.subarray(shift, shift + count), offset);
        expect(Buffer.compare(contentsNow(kinds), bytes)).toBe(0);
      }),
    );
  });

  testUnless(whyNoTestMemory, 'copy', () => {
    fc.assert(
      fc.property(pageKinds, seeds, offsetIn, offsetIn, lengths, (kinds, seed, from, to, length) => {
        fc.pre(Math.abs(from - to) >= length);
        const bytes = filling(seed);
        mapPages(kinds, bytes);
        const read = accessible(kinds, from, length, false);
        const write = accessible(kinds, to, length, true);
        const count = Math.min(read.count, write.count);
        expect(safecopy.copy(base + to, base + from, length)).toBe(count);
        // A byte is read before it is written: where both fault, reading does.
        const reads = read.signal !== 0 && read.count === count;
        expectFault(reads ? read.signal : write.signal, base + (reads ? from : to) + count);
        bytes.copyWithin(to, from, from + count);
        expect(Buffer.compare(contentsNow(kinds), bytes)).toBe(0);
      }),
    );
  });

  testUnless(whyNoTestMemory, 'zeroOut', () => {
    fc.assert(
      fc.property(pageKinds, seeds, offsetIn, lengths, (kinds, seed, offset, length) => {
        const bytes = filling(seed);
        mapPages(kinds, bytes);
        const { count, signal } = accessible(kinds, offset, length, true);
        expect(safecopy.zeroOut(base + offset, length)).toBe(count);
        expectFault(signal, base + offset + count);
        bytes.fill(0, offset, offset + count);
        expect(Buffer.compare(contentsNow(kinds), bytes)).toBe(0);
      }),
    );
  });

  const operation = fc.constantFrom('load', 'swap', 'compare-and-swap', 'swap 64', 'swap 64 halves');
  const uint32 = fc.integer({ min: 0, max: 0xffffffff });
  testUnless(whyNoTestMemory, 'words', () => {
    fc.assert(
      fc.property(pageKinds, seeds, offsetIn, operation, uint32, uint32, fc.boolean(), (kinds, seed, at, what, value, other, equal) => {
        const bytes = filling(seed);
        mapPages(kinds, bytes);
        const view = new DataView(bytes.buffer);
        const width = what.startsWith('swap 64') ? 8 : 4;
        // Mostly aligned; never a word that the model's memory cuts off.
        const offset = Math.min(other % 8 === 0 ? at : at - (at % width), size - width);
        const misaligned = offset % width !== 0;
        const { signal } = accessible(kinds, offset, width, what !== 'load');
        const failed = misaligned ? -22 : signal !== 0 ? -14 : 0;
        const before = view.getUint32(offset, true);
        const before64 = width === 8 ? view.getBigUint64(offset, true) : 0n;
        const expected = equal ? before : other;
        const wide = (BigInt(other) << 32n) | BigInt(value);
        const results = {
          load: () => safecopy.loadUint32(base + offset),
          swap: () => safecopy.swapUint32(base + offset, value),
          'compare-and-swap': () => safecopy.compareAndSwapUint32(base + offset, expected, value),
          'swap 64': () => safecopy.swapUint64(base + offset, wide),
          'swap 64 halves': () => safecopy.swapUint64Halves(base + offset, value, other),
        };
        const result = results[what as keyof typeof results]();
        if (failed !== 0) {
          expect(Number(result)).toBe(failed);
          if (misaligned) {
            expect(lastFaultSignal()).toBe(-22);
            expect(lastFault()).toMatchObject({ code: 'ERR_SBX_ALIGNMENT', addr: base + offset, alignment: width });
          } else {
            expectFault(signal, base + offset);
          }
        } else {
          expectFault(0, 0);
          expect(result).toBe(what === 'swap 64 halves' ? 0 : what === 'swap 64' ? before64 : before);
          if (what === 'swap 64 halves') {
            expect((BigInt(safecopy.previousHalves[1]!) << 32n) | BigInt(safecopy.previousHalves[0]!)).toBe(before64);
          }
          if (what === 'swap' || (what === 'compare-and-swap' && expected === before)) view.setUint32(offset, value, true);
          if (width === 8) view.setBigUint64(offset, wide, true);
        }
        expect(Buffer.compare(contentsNow(kinds), bytes)).toBe(0);
      }),
    );
  });
});
