import { gunzipSync } from 'node:zlib';
import { BlockTable, type InstrumentedFile } from '../block-table.js';

/**
 * Reads what the plugin wrote as `sources`: the table of a build's blocks, with the text of its files. Throws for what is not gzip (an `Error` of zlib's,
 * with its `code`) or not JSON (a `SyntaxError`).
 */
export function readSources(bytes: Uint8Array): BlockTable {
  return new BlockTable(JSON.parse(gunzipSync(bytes).toString('utf8')) as InstrumentedFile[]);
}

/**
 * All PCs in a text: hexadecimal numbers with 0x before them, as programs print them.
 *
 * @example
 * import { gzipSync } from 'node:zlib';
 * import { parsePcs, readSources } from '@sbx/kcov/report';
 *
 * const table = readSources(gzipSync(JSON.stringify([{ name: 'a.ts', blocks: [5, 0, 6, 1] }])));
 * const [pc] = parsePcs('hit 0xffffffff80000000 once');
 * table.locate(pc)?.line; // 5
 */
export function parsePcs(text: string): bigint[] {
  return [...text.matchAll(/\b0x[0-9a-f]+\b/gi)].map(([digits]) => BigInt(digits));
}
