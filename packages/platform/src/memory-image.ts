import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { Readable as ReadableStream } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { PlatformError } from './error.js';
import { PAGE_SIZE } from './page-size.js';

/**
 * The saved form of a memory file. All numbers are little-endian; a page number is an offset divided by the page size.
 *
 * ```text
 *   magic "sbx-memory-image" (16)  version u32  pageSize u32  chunkSize f64  firstChunkPages u32  reserved u32
 *   record*: type u32  attributes u32  references u32  pages u32  firstPage f64
 *     RUN   allocated pages of one kind and reference count (attributes: kind, +8: has host memory)
 *     DATA  followed by pages * pageSize bytes: pages with contents (all other allocated pages are zero)
 *     END   the last record; `firstPage` repeats the number of allocated pages
 * ```
 */
const MAGIC = 'sbx-memory-image';
const VERSION = 1;
const HEADER_SIZE = 40;
const RECORD_SIZE = 24;
const RUN = 1;
const DATA = 2;
const END = 3;
/** Pages of one DATA record, at most. */
const BATCH = 256;
const ZERO_PAGE = Buffer.alloc(PAGE_SIZE);

export const IMAGE_COMMITTED = 8;

/** Consecutive allocated pages that are alike. */
export interface ImageRun {
  readonly first: number;
  readonly count: number;
  /** MEMORY_* kind, and IMAGE_COMMITTED when the pages have host memory. */
  readonly attributes: number;
  readonly refs: number;
}

/** What must agree between the file that was saved and the one that it is loaded into. */
export interface ImageGeometry {
  readonly chunkSize: number;
  readonly firstChunkPages: number;
}

/** What the writer needs of a memory file. */
export interface ImageSource extends ImageGeometry {
  runs(): Iterable<ImageRun>;
  /** A view of pages inside one chunk. */
  pages(first: number, count: number): Uint8Array;
}

/** What the reader needs of a memory file. */
export interface ImageTarget extends ImageGeometry {
  /** Allocates exactly this run. Returns why it cannot, or null. */
  restoreRun(run: ImageRun): string | null;
  /** A view of allocated pages with host memory, or null when any of them is not. */
  writablePages(first: number, count: number): Uint8Array | null;
}

/** Writes the image to `stream` and leaves it open. Settles when the stream has taken everything; the memory must not change before. */
export async function writeImage(source: ImageSource, stream: Writable): Promise<void> {
  await pipeline(ReadableStream.from(imageParts(source), { objectMode: false }), stream, { end: false });
}

async function* imageParts(source: ImageSource): AsyncGenerator<Buffer> {
  const header = Buffer.alloc(HEADER_SIZE);
  header.write(MAGIC, 'latin1');
  header.writeUInt32LE(VERSION, 16);
  header.writeUInt32LE(PAGE_SIZE, 20);
  header.writeDoubleLE(source.chunkSize, 24);
  header.writeUInt32LE(source.firstChunkPages, 32);
  yield header;
  let total = 0;
  for (const run of source.runs()) {
    total += run.count;
    yield record(RUN, run.attributes, run.refs, run.count, run.first);
    if ((run.attributes & IMAGE_COMMITTED) === 0) continue;
    for (let at = 0; at < run.count; at += BATCH) {
      const first = run.first + at;
      yield* dataRecords(source.pages(first, Math.min(BATCH, run.count - at)), first);
    }
  }
  yield record(END, 0, 0, 0, total);
}

/** The stretches of pages that are not all zero. The bytes are copied: the stream may hold them after the memory has changed. */
function* dataRecords(bytes: Uint8Array, first: number): Generator<Buffer> {
  const pages = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const count = bytes.length / PAGE_SIZE;
  const isZero = (page: number) => ZERO_PAGE.compare(pages, page * PAGE_SIZE, (page + 1) * PAGE_SIZE) === 0;
  for (let page = 0; page < count; ) {
    if (isZero(page)) {
      page++;
      continue;
    }
    const start = page;
    while (page < count && !isZero(page)) page++;
    yield record(DATA, 0, 0, page - start, first + start);
    yield Buffer.from(pages.subarray(start * PAGE_SIZE, page * PAGE_SIZE));
  }
}

function record(type: number, attributes: number, refs: number, pages: number, first: number): Buffer {
  const buffer = Buffer.alloc(RECORD_SIZE);
  buffer.writeUInt32LE(type, 0);
  buffer.writeUInt32LE(attributes, 4);
  buffer.writeUInt32LE(refs, 8);
  buffer.writeUInt32LE(pages, 12);
  buffer.writeDoubleLE(first, 16);
  return buffer;
}

/** Reads one image from `stream`, and no byte beyond it. Everything in it is checked. Throws a `PlatformError` ERR_SBX_MEMORY_IMAGE. */
export async function readImage(target: ImageTarget, stream: Readable): Promise<void> {
  const header = await readExactly(stream, HEADER_SIZE);
  if (header.toString('latin1', 0, 16) !== MAGIC) bad('not a memory image');
  if (header.readUInt32LE(16) !== VERSION) bad(`version ${header.readUInt32LE(16)} is not known`);
  if (header.readUInt32LE(20) !== PAGE_SIZE) bad(`its page size is ${header.readUInt32LE(20)}`);
  if (header.readDoubleLE(24) !== target.chunkSize || header.readUInt32LE(32) !== target.firstChunkPages) {
    bad(`its chunk size is ${header.readDoubleLE(24)}, not ${target.chunkSize}`);
  }
  let total = 0;
  for (;;) {
    const buffer = await readExactly(stream, RECORD_SIZE);
    const type = buffer.readUInt32LE(0);
    const count = buffer.readUInt32LE(12);
    const first = buffer.readDoubleLE(16);
    if (type === END) {
      if (first !== total) bad(`${total} pages instead of ${first}`);
      return;
    }
    if (!Number.isSafeInteger(first) || first < 0 || count === 0) bad(`a record of ${count} pages at page ${first}`);
    if (type === RUN) {
      const problem = target.restoreRun({ first, count, attributes: buffer.readUInt32LE(4), refs: buffer.readUInt32LE(8) });
      if (problem !== null) bad(problem);
      total += count;
    } else if (type === DATA) {
      if (count > BATCH) bad(`${count} pages of data in one record`);
      const pages = target.writablePages(first, count) ?? bad(`data for page ${first}, which is not allocated`);
      pages.set(await readExactly(stream, count * PAGE_SIZE));
    } else bad(`record type ${type}`);
  }
}

function bad(what: string): never {
  throw new PlatformError('ERR_SBX_MEMORY_IMAGE', `bad memory image: ${what}`);
}

async function readExactly(stream: Readable, length: number): Promise<Buffer> {
  for (;;) {
    const buffer: Buffer | null = stream.read(length);
    if (buffer !== null) return buffer.length === length ? buffer : bad('it ends early');
    if (stream.errored) throw stream.errored;
    if (stream.readableEnded || stream.destroyed) bad('it ends early');
    const abort = new AbortController();
    // `once` rejects on 'error'; 'end' and 'close' wake it for the checks above.
    await Promise.race(
      ['readable', 'end', 'close'].map((event) => once(stream, event, { signal: abort.signal }).catch(rethrowUnlessAborted)),
    );
    abort.abort();
  }
}

function rethrowUnlessAborted(error: Error): void {
  if (error.name !== 'AbortError') throw error;
}
