import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll } from 'vitest';

/** A new directory that is removed after the tests of the file (or suite) in which it is made. */
export function scratch(name: string): string {
  const folder = realpathSync(mkdtempSync(path.join(tmpdir(), `sbx-${name}-`)));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** An empty directory: what was in it is removed. */
export function emptied(folder: string): string {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
}
