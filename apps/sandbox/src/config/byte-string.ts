import { isUtf8 } from 'node:buffer';

/*
 * Names and arguments are bytes, which need not be UTF-8. As text, each byte that is no UTF-8 is the lone surrogate U+DC00 + byte, as in PEP 383.
 */

/** Bytes as text. (Node's own strings have U+FFFD for what is no UTF-8: the bytes are lost.) */
export function decodeBytes(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const length = [1, 2, 3, 4].find((count) => at + count <= bytes.length && isUtf8(bytes.subarray(at, at + count))) ?? 0;
    text += length === 0 ? String.fromCharCode(0xdc00 + bytes[at]) : bytes.toString('utf8', at, at + length);
    at += Math.max(1, length);
  }
  return text;
}

/** Whether Node has made this text of bytes that may have been something else. */
export function isLossy(text: string): boolean {
  return text.includes('\ufffd');
}

/** Text as the kernel's byte strings have it: one char (0..255) for each byte. */
export function toByteString(text: string): string {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return encode(text);
  return text;
}

function encode(text: string): string {
  return text
    .split(/([\udc80-\udcff])/u)
    .map((piece, i) => (i % 2 === 1 ? String.fromCharCode(piece.charCodeAt(0) & 0xff) : Buffer.from(piece, 'utf8').toString('latin1')))
    .join('');
}
