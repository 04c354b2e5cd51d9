import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { nodeBinary } from '../node-versions.mjs';
import { installAlone, installFailure } from '../src/npm.mjs';
import { root } from '../src/paths.mjs';
import { checkRequirements, findProgram } from '../src/requirements.mjs';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'bootstrap-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('what is missing is named', () => {
  test('no compiler, no make, no python3', () => {
    symlinkSync('/bin/sh', path.join(folder, 'g++'));
    const message = /C compiler: cc is not on PATH\n.*make: make or gmake is not on PATH\n.*python3.*\n.*apt-get install gcc make python3$/;
    expect(() => checkRequirements({ PATH: folder }, 'linux')).toThrow(message);
  });

  test('a compiler named by CC that does not exist', () => {
    expect(() => checkRequirements({ PATH: process.env.PATH, CC: 'nocc -m64' }, 'linux')).toThrow('CC=nocc -m64 is not on PATH');
    expect(() => checkRequirements({ PATH: process.env.PATH, CC: 'sh -x' }, 'linux')).not.toThrow();
  });

  test('this machine has everything, and another system is refused', () => {
    expect(() => checkRequirements()).not.toThrow();
    expect(() => checkRequirements(process.env, 'darwin')).toThrow('sbx runs on Linux');
  });

  test('a folder or a file that is not executable is no program', () => {
    expect(findProgram('/')).toBeUndefined();
    expect(findProgram('passwd', { PATH: '/etc' })).toBeUndefined();
    expect(findProgram('sh', { PATH: '/nowhere:/bin' })).toBe('/bin/sh');
  });
});

describe('Node', () => {
  test('one that is too old is told so by every entry point, and nothing else is run', () => {
    for (const entry of ['start.mjs', 'test.mjs', 'run.mjs']) {
      const disguise = 'Object.defineProperty(process.versions, "node", { value: "18.20.8" })';
      const args = ['--import', `data:text/javascript,${encodeURIComponent(disguise)}`, path.join(root, 'tools/bootstrap', entry)];
      const { status, stderr, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
      expect(stderr).toMatch(/^This is Node 18\.20\.8 \(.*\)\. This repository needs Node 20 or newer\.\n$/);
      expect([status, stdout]).toEqual([1, '']);
    }
  });

  test('binaries of other versions run', async () => {
    const node = await nodeBinary(26);
    expect(spawnSync(node, ['-p', 'process.versions.node'], { encoding: 'utf8' }).stdout).toMatch(/^26\.\d+\.\d+\n$/);
    expect(await nodeBinary(26)).toBe(node);
  });
});

describe('the registry', () => {
  test('is unreachable: the message says so and nothing is left behind', async () => {
    process.env.npm_config_registry = 'http://127.0.0.1:1/';
    try {
      await expect(installAlone('sbx-does-not-matter@1.0.0', folder, () => 'target')).rejects.toThrow(
        'registry cannot be reached (ECONNREFUSED)',
      );
    } finally {
      delete process.env.npm_config_registry;
    }
    expect(readdirSync(folder)).toEqual([]);
  });

  test('another failure is not taken for that', () => {
    expect(installFailure('pnpm install', 'ERR_PNPM_OUTDATED_LOCKFILE\n').message).toBe('pnpm install failed:\nERR_PNPM_OUTDATED_LOCKFILE');
  });
});
