import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describePrograms } from './programs/support/describe.js';
import { sbx } from './programs/support/run.js';

let cache: string;
beforeEach(() => {
  cache = mkdtempSync(path.join(tmpdir(), 'sbx-code-'));
});
afterEach(() => rmSync(cache, { recursive: true, force: true }));

function run(home = cache): string {
  return execFileSync(sbx, ['run', '--', 'echo', 'hello'], { encoding: 'utf8', env: { ...process.env, XDG_CACHE_HOME: home } });
}

/** Bundles in the cache, with what tells one file from another. */
function entries(): Record<string, string> {
  const folder = path.join(cache, 'sbx/code');
  return Object.fromEntries(
    readdirSync(folder)
      .filter((name) => !name.startsWith('platform'))
      .map((name) => {
        const { ino, mtimeMs, size, mode } = statSync(path.join(folder, name));
        return [name.replace(/-.*/, ''), `${ino} ${mtimeMs} ${size} ${(mode & 0o777).toString(8)}`];
      }),
  );
}

describePrograms('the code cache', {}, () => {
  it('is filled by the first run, and used by later ones', () => {
    expect(run()).toBe('hello\n');
    const first = entries();
    expect(Object.keys(first).sort()).toEqual(['kernel', 'main', 'sentry']);
    for (const file of Object.values(first)) expect(file).toMatch(/ 600$/);
    expect(run()).toBe('hello\n');
    expect(entries()).toEqual(first);
  });

  it('is not used, but written anew, where others could have written it', () => {
    run();
    const folder = path.join(cache, 'sbx/code');
    for (const name of readdirSync(folder)) chmodSync(path.join(folder, name), 0o666);
    const before = entries();
    expect(run()).toBe('hello\n');
    const after = entries();
    for (const name of ['kernel', 'main', 'sentry']) {
      expect(after[name]).not.toBe(before[name]);
      expect(after[name]).toMatch(/ 600$/);
    }
  });

  it('is all that a start loads, but for a few small modules of Node', () => {
    run();
    const list = path.join(cache, 'list.cjs');
    writeFileSync(list, "process.on('exit', () => require('node:fs').writeSync(2, JSON.stringify(process.moduleLoadList)));");
    const folder = path.resolve(path.dirname(sbx), '..');
    const library = createRequire(path.join(folder, 'package.json')).resolve('@sbx/sandbox');
    const boot = path.join(path.dirname(library), 'sentry/boot.cjs');
    const words = ['--no-rehash-snapshot', '--require', list, boot, path.join(folder, 'dist/main.cjs'), 'run', '--', 'true'];
    // The code that is cached is of a process with other flags: the first run makes it anew.
    const start = () => spawnSync(process.execPath, words, { encoding: 'utf8', env: { ...process.env, XDG_CACHE_HOME: cache } });
    expect(start()).toMatchObject({ status: 0, stdout: '' });
    const { status, stderr } = start();
    expect(status).toBe(0);
    const loaded = (JSON.parse(stderr) as string[]).map((name) => name.replace('NativeModule ', ''));
    expect(loaded).toContain('vm');
    const slow = ['child_process', 'crypto', 'http', 'net', 'stream', 'tty', 'worker_threads', 'zlib'];
    expect(loaded.filter((name) => slow.includes(name))).toEqual([]);
  });

  it('may have no place', () => {
    const file = path.join(cache, 'file');
    writeFileSync(file, '');
    expect(run(file)).toBe('hello\n');
  });

  it('remembers the fastest platform, and measures again where that is none', () => {
    const all = { ...process.env, XDG_CACHE_HOME: cache, SBX_PLATFORM: '' };
    const platform = () =>
      spawnSync(sbx, ['run', '--verbose', '--', 'true'], { encoding: 'utf8', env: all }).stderr.match(/^sbx: platform: (.*)$/m)?.[1];
    const measured = platform();
    const folder = path.join(cache, 'sbx/code');
    const file = path.join(folder, readdirSync(folder).find((name) => name.startsWith('platform-'))!);
    expect(readFileSync(file, 'utf8')).toBe(measured);
    for (const { name } of JSON.parse(execFileSync(sbx, ['platforms', '--json'], { encoding: 'utf8' })).platforms.filter(
      (p: { usable: boolean }) => p.usable,
    )) {
      writeFileSync(file, name);
      expect(platform()).toBe(name);
      // Who asks is told what is taken from then on.
      const { chosen } = JSON.parse(execFileSync(sbx, ['platforms', '--json'], { encoding: 'utf8', env: all }));
      expect(platform()).toBe(chosen);
    }
    writeFileSync(file, 'abacus');
    expect(['kvm', 'systrap']).toContain(platform());
    expect(readFileSync(file, 'utf8')).not.toBe('abacus');
  });
});
