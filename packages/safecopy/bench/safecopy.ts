/**
 * Throughput beside memcpy and memset (the C entry points, compiled here), and what a call from JavaScript costs.
 * Run: npx tsx --conditions=@sbx/source packages/safecopy/bench/safecopy.ts
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { measure } from '../../../tools/native/measure.js';
import { compile, execute, missing, toolchains } from '../../../tools/native/toolchain.js';
import { addressOf, copy, copyIn, loadUint32, swapUint32 } from '../src/index.js';

const folder = fileURLToPath(new URL('..', import.meta.url));

const why = missing(toolchains.host);
if (why) console.log(`no comparison with memcpy: ${why}`);
else await compareWithLibc();
compareWithJavaScript();

async function compareWithLibc(): Promise<void> {
  const program = join(folder, 'build/bench/copy');
  const sources = ['bench/copy.c', 'test/native/user.c', 'test/native/user.S'].map((file) => join(folder, file));
  await compile(toolchains.host, sources, program, [`-I${join(folder, 'native/include')}`]);
  const rows: Record<string, Record<string, string>> = {};
  for (const line of execute(toolchains.host, program).stdout.trim().split('\n')) {
    const [size, ...figures] = line.split(' ');
    const [memcpy = 0, memcpy95 = 0, safe = 0, safe95 = 0, memset = 0, , zero = 0, , copyRatio = 0, zeroRatio = 0] = figures.map(Number);
    if (size === 'fault') {
      console.log(`a fault and its return: ${memcpy} ns (p95 ${memcpy95})`);
      continue;
    }
    const bytes = Number(size);
    rows[bytes < 1024 ? `${bytes} B` : bytes < 1 << 20 ? `${bytes >> 10} KiB` : `${bytes >> 20} MiB`] = {
      'memcpy ns': memcpy.toFixed(1),
      p95: memcpy95.toFixed(1),
      'copy ns': safe.toFixed(1),
      'copy p95': safe95.toFixed(1),
      'copy GB/s': (bytes / safe).toFixed(1),
      'x memcpy': copyRatio.toFixed(2),
      'memset ns': memset.toFixed(1),
      'zero ns': zero.toFixed(1),
      'x memset': zeroRatio.toFixed(2),
    };
  }
  console.table(rows);
}

function compareWithJavaScript(): void {
  const rows: Record<string, Record<string, string>> = {};
  const row = (name: string, batch: (n: number) => void) => {
    const { median, p95 } = measure(batch);
    rows[name] = { 'ns/call': median.toFixed(1), p95: p95.toFixed(1) };
  };
  for (const size of [8, 64, 4096, 65536]) {
    const from = new Uint8Array(size);
    const to = new Uint8Array(size);
    const source = addressOf(from);
    const destination = addressOf(to);
    row(`${size} B: Uint8Array.set`, (n) => {
      for (let i = 0; i < n; i++) to.set(from);
    });
    row(`${size} B: copyIn`, (n) => {
      for (let i = 0; i < n; i++) copyIn(to, source);
    });
    row(`${size} B: copy, by addresses`, (n) => {
      for (let i = 0; i < n; i++) copy(destination, source, size);
    });
  }
  const word = addressOf(new Uint32Array(1));
  row('loadUint32', (n) => {
    for (let i = 0; i < n; i++) loadUint32(word);
  });
  row('swapUint32', (n) => {
    for (let i = 0; i < n; i++) swapUint32(word, i);
  });
  console.table(rows);
}
