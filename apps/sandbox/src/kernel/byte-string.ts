/** Text as the kernel's byte strings have it: one char (0..255) for each byte of its UTF-8. */
export function toByteString(text: string): string {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return Buffer.from(text, 'utf8').toString('latin1');
  return text;
}
