import { ENOEXEC } from '@sbx/abi';

/** Bytes of a file that decide how it is run (BINPRM_BUF_SIZE). */
export const HEAD_SIZE = 256;

const SPACE = 32;
const TAB = 9;
const NEWLINE = 10;

/** The first line of a `#!` script: interpreter and its one optional argument, byte strings. */
export interface Script {
  readonly interpreter: string;
  readonly argument: string | null;
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === TAB;
}

/**
 * Decodes the `#!` line in the first HEAD_SIZE bytes of a file (zeroes past its end): -ENOEXEC if there is none, if it names nothing, or if the
 * interpreter's name does not fit. An argument that does not fit is cut, as in Linux (binfmt_script.c).
 */
export function parseScript(head: Uint8Array): Script | number {
  if (head[0] !== 0x23 || head[1] !== 0x21) return -ENOEXEC;
  const last = HEAD_SIZE - 1;
  let end = 2;
  while (end < HEAD_SIZE && head[end] !== NEWLINE && head[end] !== 0) end++;
  if (end === HEAD_SIZE || head[end] === 0) {
    // No newline before the end: the name, at least, must end inside.
    const name = skipBlank(head, 2, last);
    if (name < 0 || terminator(head, name, last) < 0) return -ENOEXEC;
    end = last;
  }
  while (end > 2 && isBlank(head[end - 1])) end--;
  const start = skipBlank(head, 2, end);
  if (start < 0 || start === end) return -ENOEXEC;
  const separator = terminator(head, start, end);
  const nameEnd = separator < 0 ? end : separator;
  const interpreter = text(head, start, Math.min(nameEnd, end));
  if (separator < 0 || separator >= end || head[separator] === 0) return { interpreter, argument: null };
  const argument = skipBlank(head, separator, end);
  return { interpreter, argument: argument < 0 || argument >= end ? null : text(head, argument, end) };
}

/** First position in `[from, last]` that is no blank, or -1. */
function skipBlank(head: Uint8Array, from: number, last: number): number {
  for (let i = from; i <= last; i++) if (!isBlank(head[i])) return i;
  return -1;
}

/** First position in `[from, last]` of a blank or NUL, or -1. */
function terminator(head: Uint8Array, from: number, last: number): number {
  for (let i = from; i <= last; i++) if (isBlank(head[i]) || head[i] === 0) return i;
  return -1;
}

/** The bytes `[from, to)` up to a NUL. */
function text(head: Uint8Array, from: number, to: number): string {
  let result = '';
  for (let i = from; i < to && head[i] !== 0; i++) result += String.fromCharCode(head[i]);
  return result;
}
