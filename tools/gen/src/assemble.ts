import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Position-independent machine code as one block of bytes, and the offset of each global symbol in it. */
export interface FlatCode {
  readonly bytes: Uint8Array;
  readonly symbols: Readonly<Record<string, number>>;
}

/**
 * Assembles one `.S` file (everything in `.text`) into flat code, with the C compiler and binutils of this machine. No relocations are applied: the
 * source must refer to its own labels relative to the instruction pointer only.
 */
export function assembleFlat(source: string): FlatCode {
  const folder = mkdtempSync(path.join(tmpdir(), 'sbx-gen-'));
  try {
    const object = path.join(folder, 'code.o');
    const flat = path.join(folder, 'code.bin');
    execFileSync(process.env.CC ?? 'cc', ['-c', '-nostdlib', '-Wa,--fatal-warnings', '-o', object, source]);
    const relocations = execFileSync('objdump', ['-r', '-j', '.text', object], { encoding: 'utf8' });
    if (/^[0-9a-f]{8,}/m.test(relocations)) throw new Error(`${source}: relocations are left:\n${relocations}`);
    execFileSync('objcopy', ['-O', 'binary', '-j', '.text', object, flat]);
    const symbols: Record<string, number> = {};
    for (const line of execFileSync('nm', ['-g', '--defined-only', object], { encoding: 'utf8' }).split('\n')) {
      const match = /^([0-9a-f]+) [A-Z] (\S+)$/.exec(line);
      if (match) symbols[match[2]] = Number.parseInt(match[1], 16);
    }
    return { bytes: new Uint8Array(readFileSync(flat)), symbols };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
