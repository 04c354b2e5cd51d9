/** Lays out structures that C, assembly and TypeScript share: one definition, from which all three get the same offsets. */

/** Name, size in bytes, alignment. */
export type Field<Name extends string = string> = readonly [name: Name, size: number, align: number];

/** Where the fields of a structure are. */
export interface Layout<Name extends string = string> {
  /** Byte offset of each field. */
  readonly offsets: Readonly<Record<Name, number>>;
  /** Bytes of the whole, padded to the greatest alignment. */
  readonly size: number;
}

/**
 * Places fields in order, each at the next offset of its alignment, as C does.
 *
 * @example
 * import { layout } from '@sbx/ring0';
 *
 * const { offsets, size } = layout([
 *   ['flag', 1, 1],
 *   ['pointer', 8, 8],
 *   ['short', 2, 2],
 * ]);
 * offsets.pointer; // 8
 * offsets.short; // 16
 * size; // 24
 */
export function layout<const Name extends string>(fields: readonly Field<Name>[]): Layout<Name> {
  const offsets: Partial<Record<Name, number>> = {};
  let end = 0;
  let greatest = 1;
  for (const [name, size, align] of fields) {
    const at = Math.ceil(end / align) * align;
    offsets[name] = at;
    end = at + size;
    greatest = Math.max(greatest, align);
  }
  return { offsets: offsets as Record<Name, number>, size: Math.ceil(end / greatest) * greatest };
}
