import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A line for a shell, run on the host and in a sandbox. */
export interface Row {
  readonly command: string;
  /** Where it is, for messages. */
  readonly line: number;
}

/**
 * Reads a table of `tables/`: each line is a row, a line that begins with a space goes on with the row above it; empty lines and lines that begin with # are
 * not rows.
 */
export function readTable(name: string): Row[] {
  const rows: Row[] = [];
  const text = readFileSync(fileURLToPath(new URL(`../tables/${name}`, import.meta.url)), 'utf8');
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '' || line.startsWith('#')) continue;
    const last = rows.at(-1);
    if (/^[ \t]/.test(line) && last !== undefined) rows[rows.length - 1] = { ...last, command: `${last.command}\n${line}` };
    else rows.push({ command: line, line: index + 1 });
  }
  return rows;
}
