/** Cost of one operation, uncontended, beside `Atomics`. Run: npx tsx --conditions=@sbx/source packages/atomicbitops/bench/atomicbitops.ts */
import { type Measurement, measure } from '../../../tools/native/measure.js';
import * as defaults from '../src/index.js';
import { type AtomicBitOps, addressOf, implementation, implementations } from '../src/index.js';

const words = new Uint32Array(new SharedArrayBuffer(64));
const longs = new BigUint64Array(words.buffer);
const rows: Record<string, Record<string, string>> = {};

function row(operation: string, how: string, result: Measurement, peer: Measurement): void {
  rows[`${operation}, ${how}`] = {
    'ns/op': result.median.toFixed(1),
    p95: result.p95.toFixed(1),
    'M ops/s': (1000 / result.median).toFixed(1),
    'x Atomics': (result.median / peer.median).toFixed(2),
  };
}

const atomicsOr32 = measure((n) => {
  for (let i = 0; i < n; i++) Atomics.or(words, 3, i);
});
const atomicsSwap32 = measure((n) => {
  for (let i = 0; i < n; i++) Atomics.compareExchange(words, 3, i, i + 1);
});
const atomicsOr64 = measure((n) => {
  for (let i = 0; i < n; i++) Atomics.or(longs, 1, 5n);
});
row('or 32', 'Atomics.or', atomicsOr32, atomicsOr32);
row('compare-and-swap 32', 'Atomics.compareExchange', atomicsSwap32, atomicsSwap32);
row('or 64', 'Atomics.or on a BigUint64Array', atomicsOr64, atomicsOr64);

const all: [string, AtomicBitOps][] = [
  [`module (${implementation})`, defaults],
  ...(Object.entries(implementations) as [string, AtomicBitOps][]),
];
for (const [name, ops] of all) {
  const or32 = measure((n) => {
    for (let i = 0; i < n; i++) ops.orUint32(words, 3, i);
  });
  row('or 32', `${name}, array`, or32, atomicsOr32);
  const swap32 = measure((n) => {
    for (let i = 0; i < n; i++) ops.compareAndSwapUint32(words, 3, i, i + 1);
  });
  row('compare-and-swap 32', `${name}, array`, swap32, atomicsSwap32);
  const or64 = measure((n) => {
    for (let i = 0; i < n; i++) ops.orUint64(longs, 1, 5n);
  });
  row('or 64', `${name}, array, BigInt`, or64, atomicsOr64);
  if (name === 'javascript' || implementation === 'javascript') continue;
  const at = addressOf(words, 2);
  const or32Address = measure((n) => {
    for (let i = 0; i < n; i++) ops.orUint32(at, i);
  });
  row('or 32', `${name}, address`, or32Address, atomicsOr32);
  const or64Halves = measure((n) => {
    for (let i = 0; i < n; i++) ops.orUint64Halves(at, i, 5);
  });
  row('or 64', `${name}, address, halves`, or64Halves, atomicsOr64);
}
console.table(rows);
