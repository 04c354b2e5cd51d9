/**
 * Text as the kernel's byte strings have it: one char (0..255) for each byte of its UTF-8. A lone surrogate U+DC80 to U+DCFF stands for the byte 0x80 to 0xff, which
 * was no UTF-8 (PEP 383).
 */
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
