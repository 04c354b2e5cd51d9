/** Pieces of text that decoded arguments are made of. */

/** A number in hexadecimal; 0 as an address is NULL. */
export const address = (n: number): string => (n === 0 ? 'NULL' : `0x${n.toString(16)}`);

const escapes: Readonly<Record<number, string>> = { 9: '\\t', 10: '\\n', 11: '\\v', 12: '\\f', 13: '\\r', 34: '\\"', 92: '\\\\' };

/** Bytes as a C string literal: printable ASCII as it is, the rest escaped, octal where C has no letter. `cut` adds an ellipsis. */
export function quote(bytes: ArrayLike<number>, length = bytes.length, cut = false): string {
  let s = '"';
  for (let i = 0; i < length; i++) {
    const c = bytes[i]!;
    const letter = escapes[c];
    if (letter !== undefined) s += letter;
    else if (c >= 32 && c < 127) s += String.fromCharCode(c);
    else {
      const next = bytes[i + 1];
      const digits = next !== undefined && i + 1 < length && next >= 48 && next <= 57;
      s += `\\${c.toString(8).padStart(digits ? 3 : 1, '0')}`;
    }
  }
  return `${s}"${cut ? '...' : ''}`;
}
