/**
 * A half-open range `[start, end)` of byte offsets in a `File`. Immutable. Bounds that are no integers from 0 to 2^53-1, or in the wrong order, are a
 * `RangeError`.
 *
 * @example
 * import { FileRange } from '@sbx/platform';
 *
 * const range = new FileRange(0x1000, 0x3000);
 * range.length; // 0x2000
 * range.contains(0x3000); // false
 * range.overlaps(new FileRange(0x2000, 0x8000)); // true
 * range.intersect(new FileRange(0x2000, 0x8000)).toString(); // '[0x2000, 0x3000)'
 * range.intersect(new FileRange(0x5000, 0x8000)).length; // 0
 */
export class FileRange {
  constructor(
    readonly start: number,
    readonly end: number,
  ) {
    if (!(Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && end >= start)) {
      throw new RangeError(`invalid file range [${start}, ${end})`);
    }
  }

  /** In bytes. */
  get length(): number {
    return this.end - this.start;
  }
  /** Whether the byte at `offset` is in it. */
  contains(offset: number): boolean {
    return offset >= this.start && offset < this.end;
  }
  /** Whether all of `other` is in it. */
  isSupersetOf(other: FileRange): boolean {
    return this.start <= other.start && this.end >= other.end;
  }
  /** Whether they have a byte in common. */
  overlaps(other: FileRange): boolean {
    return this.start < other.end && other.start < this.end;
  }
  /** The common part; empty (at this range's bound nearest to `other`) when there is none. */
  intersect(other: FileRange): FileRange {
    const start = Math.min(Math.max(this.start, other.start), this.end);
    return new FileRange(start, Math.max(start, Math.min(this.end, other.end)));
  }
  /** Whether both bounds are equal. */
  equals(other: FileRange): boolean {
    return this.start === other.start && this.end === other.end;
  }
  /** For example `[0x1000, 0x3000)`. */
  toString(): string {
    return `[0x${this.start.toString(16)}, 0x${this.end.toString(16)})`;
  }
}
