import { gunzipSync } from 'node:zlib';
import { BlockTable, type InstrumentedFile } from '../block-table.js';

/** Reads what the plugin wrote as `sources`: the table of a build's blocks, with the text of its files. */
export function readSources(bytes: Uint8Array): BlockTable {
  return new BlockTable(JSON.parse(gunzipSync(bytes).toString('utf8')) as InstrumentedFile[]);
}

/** All PCs in a text: hexadecimal numbers with 0x before them, as programs print them. */
export function parsePcs(text: string): bigint[] {
  return [...text.matchAll(/\b0x[0-9a-f]+\b/gi)].map(([digits]) => BigInt(digits));
}
