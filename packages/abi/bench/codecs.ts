/**
 * Struct codecs beside a DataView written by hand, and beside the interpreter that structs without generated code use; then the
 * garbage that a million copies make. Run: pnpm --filter @sbx/abi bench
 */
import { type Measurement, measure } from '../../../tools/native/measure.js';
import { interpreter } from '../src/codec/composite.js';
import { copyStructOut, EpollEvent, type GuestMemory, Sigaction, Stat, Timespec, type Value } from '../src/index.js';

const view = new DataView(new ArrayBuffer(4096));
const rows: Record<string, Record<string, string>> = {};

function row(name: string, how: string, result: Measurement, peer: Measurement): void {
  rows[`${name}, ${how}`] = {
    'ns/op': result.median.toFixed(1),
    p95: result.p95.toFixed(1),
    'x hand-written': (result.median / peer.median).toFixed(2),
  };
}

const LIMIT = 2 ** 32;

/** The bench's peer: what one would write without this package. */
function handTimespec(v: DataView, o: number, t: Value<typeof Timespec>): void {
  v.setUint32(o, t.tv_sec, true);
  v.setUint32(o + 4, Math.floor(t.tv_sec / LIMIT), true);
  v.setUint32(o + 8, t.tv_nsec, true);
  v.setUint32(o + 12, Math.floor(t.tv_nsec / LIMIT), true);
}

function handReadTimespec(v: DataView, o: number, t: Value<typeof Timespec>): void {
  t.tv_sec = v.getInt32(o + 4, true) * LIMIT + v.getUint32(o, true);
  t.tv_nsec = v.getInt32(o + 12, true) * LIMIT + v.getUint32(o + 8, true);
}

function hand64(v: DataView, o: number, n: number): void {
  v.setUint32(o, n, true);
  v.setUint32(o + 4, Math.floor(n / LIMIT), true);
}

const read64 = (v: DataView, o: number): number => v.getUint32(o + 4, true) * LIMIT + v.getUint32(o, true);

function handStat(v: DataView, o: number, s: Value<typeof Stat>): void {
  hand64(v, o, s.st_dev);
  hand64(v, o + 8, s.st_ino);
  hand64(v, o + 16, s.st_nlink);
  v.setUint32(o + 24, s.st_mode, true);
  v.setUint32(o + 28, s.st_uid, true);
  v.setUint32(o + 32, s.st_gid, true);
  v.setUint32(o + 36, 0);
  hand64(v, o + 40, s.st_rdev);
  hand64(v, o + 48, s.st_size);
  hand64(v, o + 56, s.st_blksize);
  hand64(v, o + 64, s.st_blocks);
  hand64(v, o + 72, s.st_atime);
  hand64(v, o + 80, s.st_atime_nsec);
  hand64(v, o + 88, s.st_mtime);
  hand64(v, o + 96, s.st_mtime_nsec);
  hand64(v, o + 104, s.st_ctime);
  hand64(v, o + 112, s.st_ctime_nsec);
  for (let i = 120; i < 144; i += 8) v.setFloat64(o + i, 0);
}

function handReadStat(v: DataView, o: number, s: Value<typeof Stat>): void {
  s.st_dev = read64(v, o);
  s.st_ino = read64(v, o + 8);
  s.st_nlink = read64(v, o + 16);
  s.st_mode = v.getUint32(o + 24, true);
  s.st_uid = v.getUint32(o + 28, true);
  s.st_gid = v.getUint32(o + 32, true);
  s.st_rdev = read64(v, o + 40);
  s.st_size = read64(v, o + 48);
  s.st_blksize = read64(v, o + 56);
  s.st_blocks = read64(v, o + 64);
  s.st_atime = read64(v, o + 72);
  s.st_atime_nsec = read64(v, o + 80);
  s.st_mtime = read64(v, o + 88);
  s.st_mtime_nsec = read64(v, o + 96);
  s.st_ctime = read64(v, o + 104);
  s.st_ctime_nsec = read64(v, o + 112);
}

// Values like real ones: small numbers, an inode and a time that need more than 31 bits.
const now = { tv_sec: 1_790_000_000, tv_nsec: 123_456_789 };
const stat = Stat.create();
Object.assign(stat, { st_dev: 2049, st_ino: 2 ** 33 + 5, st_nlink: 1, st_mode: 0o100644, st_size: 3e9, st_blksize: 4096, st_blocks: 8 });
Object.assign(stat, { st_atime: now.tv_sec, st_mtime: now.tv_sec, st_ctime: now.tv_sec, st_mtime_nsec: now.tv_nsec });

{
  const hand = measure((n) => {
    for (let i = 0; i < n; i++) handTimespec(view, i & 1023, now);
  });
  row('timespec write', 'hand-written', hand, hand);
  const codec = measure((n) => {
    for (let i = 0; i < n; i++) Timespec.write(view, i & 1023, now);
  });
  row('timespec write', 'codec', codec, hand);
}
{
  const out = Timespec.create();
  const hand = measure((n) => {
    for (let i = 0; i < n; i++) handReadTimespec(view, i & 1023, out);
  });
  row('timespec read', 'hand-written', hand, hand);
  const codec = measure((n) => {
    for (let i = 0; i < n; i++) Timespec.read(view, i & 1023, out);
  });
  row('timespec read', 'codec', codec, hand);
}
{
  const hand = measure((n) => {
    for (let i = 0; i < n; i++) handStat(view, i & 1023, stat);
  });
  row('stat write', 'hand-written', hand, hand);
  const codec = measure((n) => {
    for (let i = 0; i < n; i++) Stat.write(view, i & 1023, stat);
  });
  row('stat write', 'codec', codec, hand);
  const slow = interpreter(Stat.shape.members, Stat.size);
  const interpreterResult = measure((n) => {
    for (let i = 0; i < n; i++) slow.write(view, i & 1023, stat);
  });
  row('stat write', 'interpreter', interpreterResult, hand);
}
{
  const out = Stat.create();
  const hand = measure((n) => {
    for (let i = 0; i < n; i++) handReadStat(view, i & 1023, out);
  });
  row('stat read', 'hand-written', hand, hand);
  const codec = measure((n) => {
    for (let i = 0; i < n; i++) Stat.read(view, i & 1023, out);
  });
  row('stat read', 'codec', codec, hand);
  const slow = interpreter(Stat.shape.members, Stat.size);
  const interpreterResult = measure((n) => {
    for (let i = 0; i < n; i++) slow.read(view, i & 1023, out);
  });
  row('stat read', 'interpreter', interpreterResult, hand);
}
{
  const hand = measure((n) => {
    for (let i = 0; i < n; i++) view.setUint32((i & 1023) + 8, i, true);
  });
  row('one member', 'hand-written', hand, hand);
  const codec = measure((n) => {
    for (let i = 0; i < n; i++) EpollEvent.fields.events.set(view, (i & 1023) + 8, i);
  });
  row('one member', 'codec', codec, hand);
}
console.table(rows);

const memory: GuestMemory = { copyIn: (_addr, _dst, length) => length, copyOut: (_addr, _src, length) => length };
const action = Sigaction.create();
function copies(n: number): void {
  for (let i = 0; i < n; i++) {
    copyStructOut(memory, 4096, Timespec, now);
    copyStructOut(memory, 4096, Stat, stat);
    copyStructOut(memory, 4096, Sigaction, action);
  }
}
copies(100_000);
if (globalThis.gc) {
  globalThis.gc();
  const before = process.memoryUsage().heapUsed;
  copies(1_000_000);
  const allocated = process.memoryUsage().heapUsed - before;
  console.log(`3,000,000 struct copies: heapUsed grew by ${(allocated / 1024).toFixed(0)} KiB without a collection`);
}
