import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';

/**
 * The words of this process's command line after the script. Node decodes them as UTF-8 and loses what is none; here each such byte becomes the lone surrogate
 * U+DC00 + byte (as in PEP 383), and the program gets the byte.
 */
export function commandLineWords(argv: readonly string[] = process.argv): string[] {
  const words = argv.slice(2);
  if (words.length === 0 || !words.some((word) => word.includes('\ufffd'))) return words;
  const bytes = readFileSync('/proc/self/cmdline');
  const all: string[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(0, start);
    all.push(decode(bytes.subarray(start, end)));
    start = end + 1;
  }
  return all.slice(-words.length);
}

export function decode(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const length = [1, 2, 3, 4].find((count) => at + count <= bytes.length && isUtf8(bytes.subarray(at, at + count))) ?? 0;
    text += length === 0 ? String.fromCharCode(0xdc00 + bytes[at]) : bytes.toString('utf8', at, at + length);
    at += Math.max(1, length);
  }
  return text;
}
