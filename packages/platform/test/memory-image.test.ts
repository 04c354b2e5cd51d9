import { PassThrough, Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { MEMORY_ANONYMOUS, MEMORY_TMPFS, MemoryFile } from '../src/index.js';

const MiB = 2 ** 20;
const make = (limit = 64 * MiB, chunkSize = 2 * MiB) => MemoryFile.create({ name: 'test', limit, chunkSize });

async function collect(memory: MemoryFile): Promise<Buffer> {
  const stream = new PassThrough({ highWaterMark: 1000 });
  const parts: Buffer[] = [];
  stream.on('data', (part) => parts.push(part));
  await memory.saveTo(stream);
  expect(stream.writableEnded).toBe(false);
  stream.end();
  return Buffer.concat(parts);
}

function sample(): { memory: MemoryFile; a: number; b: number; c: number } {
  const memory = make();
  const a = memory.allocate(64 * 1024, MEMORY_ANONYMOUS);
  const gap = memory.allocate(4096, MEMORY_ANONYMOUS);
  const b = memory.allocate(2 * MiB, MEMORY_TMPFS);
  const c = memory.allocate(MiB, MEMORY_ANONYMOUS);
  memory.bytes(a, 64 * 1024).fill(0x11);
  memory.bytes(b + 5 * 4096, 4096).fill(0x22);
  memory.bytes(c, MiB).fill(0x33);
  memory.incRef(a, 8192);
  memory.decRef(gap, 4096);
  memory.decommit(c, MiB / 2);
  return { memory, a, b, c };
}

test('what was saved is loaded: offsets, kinds, references, contents, holes; and the image is sparse', async () => {
  const { memory, a, b, c } = sample();
  const image = await collect(memory);
  expect(image.length).toBeLessThan(64 * 1024 + 4096 + MiB / 2 + 1000);
  const loaded = make();
  // The image is part of a longer stream, of which nothing else may be taken.
  const stream = Readable.from(
    [image.subarray(0, 7), image.subarray(7, 5000), Buffer.concat([image.subarray(5000), Buffer.from('rest')])],
    {
      objectMode: false,
    },
  );
  await loaded.loadFrom(stream);
  expect(stream.read().toString()).toBe('rest');
  expect(loaded.usage(MEMORY_ANONYMOUS)).toBe(memory.usage(MEMORY_ANONYMOUS));
  expect(loaded.usage(MEMORY_TMPFS)).toBe(2 * MiB);
  expect([loaded.refCount(a), loaded.refCount(a + 8192), loaded.refCount(a + 65536)]).toEqual([2, 1, 0]);
  expect(loaded.committedBytes()).toBeLessThanOrEqual(memory.committedBytes());
  for (const [offset, length] of [
    [a, 65536],
    [b, 2 * MiB],
    [c, MiB],
  ]) {
    expect(Buffer.compare(loaded.bytes(offset, length), memory.bytes(offset, length))).toBe(0);
  }
  const fresh = loaded.allocate(4096, MEMORY_ANONYMOUS);
  expect(loaded.refCount(fresh)).toBe(1);
  loaded.decRef(c, MiB);
  loaded.destroy();
  memory.destroy();
});

test('damaged, cut-off and oversized images are refused and leave the file empty', async () => {
  const { memory } = sample();
  const image = await collect(memory);
  const load = async (bytes: Buffer, target = make()) => {
    await expect(target.loadFrom(Readable.from([bytes], { objectMode: false }))).rejects.toMatchObject({ code: 'ERR_SBX_MEMORY_IMAGE' });
    expect(target.totalUsage()).toBe(0);
    target.trim();
    expect(target.hostBytes()).toBe(0);
    target.destroy();
  };
  for (const length of [0, 10, 39, 40, 60, 1000, image.length - 1]) await load(image.subarray(0, length));
  await load(image, make(MiB));
  await load(image, make(64 * MiB, 4 * MiB));
  // Any single wrong byte outside the contents: never an exception of another kind, never something allocated twice.
  for (let at = 0; at < 40 + 24; at++) {
    const wrong = Buffer.from(image);
    wrong[at] ^= 0x55;
    const target = make();
    await target.loadFrom(Readable.from([wrong], { objectMode: false })).catch((error) => expect(error.code).toBe('ERR_SBX_MEMORY_IMAGE'));
    target.destroy();
  }
  memory.destroy();
});

test('a failing stream fails the call', async () => {
  const { memory } = sample();
  const sink = new PassThrough({ highWaterMark: 1 });
  setTimeout(() => sink.destroy(new Error('disk full')), 20);
  await expect(memory.saveTo(sink)).rejects.toThrow('disk full');
  const source = new PassThrough();
  setTimeout(() => source.destroy(new Error('bad disk')), 20);
  const target = make();
  await expect(target.loadFrom(source)).rejects.toThrow('bad disk');
  await expect(memory.loadFrom(new PassThrough())).rejects.toMatchObject({ code: 'ERR_SBX_MEMORY_MISUSE' });
  target.destroy();
  memory.destroy();
});
