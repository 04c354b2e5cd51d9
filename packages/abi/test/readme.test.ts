/** The README's example does what its comments say. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

it('runs', () => {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const example = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(root, 'README.md'), 'utf8'))![1]!;
  const dir = mkdtempSync(join(root, 'test', '.readme-'));
  try {
    writeFileSync(join(dir, 'example.ts'), example.replace("'@sbx/abi'", "'../../src/index.js'"));
    const output = execFileSync(process.execPath, ['--import', 'tsx', join(dir, 'example.ts')], { encoding: 'utf8', cwd: root });
    expect(output.trim().split('\n')).toEqual([
      process.arch === 'arm64' ? '128 48 3000' : '144 48 3000',
      expect.stringMatching(/^32 \{ id: \d+, time: \{ tv_sec: \d+, tv_nsec: \d+ \}, next: \d+ \}$/),
      `ENOENT ${process.arch === 'arm64' ? 'io_setup' : 'read'}`,
      'O_WRONLY|O_CREAT|O_CLOEXEC',
      'mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f0000000000',
    ]);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
