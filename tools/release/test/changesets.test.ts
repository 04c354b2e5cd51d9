/** What `changeset version` makes of a change, in a copy of the repository's manifests. */
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { execOk } from '../src/exec.js';
import { publishedPackages, root } from '../src/packages.js';

let copy: string;

const manifest = (name: string) => {
  const { folder } = publishedPackages.find((each) => each.name === name)!;
  return JSON.parse(readFileSync(path.join(copy, path.relative(root, folder), 'package.json'), 'utf8'));
};

beforeAll(async () => {
  copy = mkdtempSync(path.join(tmpdir(), 'sbx-changesets-'));
  for (const file of ['package.json', 'pnpm-workspace.yaml', '.changeset/config.json'])
    cpSync(path.join(root, file), path.join(copy, file));
  for (const parent of ['packages', 'apps', 'tools']) {
    for (const name of readdirSync(path.join(root, parent))) {
      const file = path.join(parent, name, 'package.json');
      if (existsSync(path.join(root, file))) cpSync(path.join(root, file), path.join(copy, file));
    }
  }
  const changeset = "---\n'@sbx/safecopy': minor\n'@sbx/ring0': patch\n---\n\nCopies are twice as fast.\n";
  writeFileSync(path.join(copy, '.changeset/fast-copies.md'), changeset);
  const options = { cwd: copy, env: process.env };
  const git = (...args: string[]) => execOk('git', ['-c', 'user.name=test', '-c', 'user.email=test@localhost', ...args], options);
  await git('init', '-q', '-b', 'main');
  await git('add', '.');
  await git('commit', '-q', '-m', 'Copy');
  await execOk(path.join(root, 'node_modules/.bin/changeset'), ['version'], options);
});

afterAll(() => rmSync(copy, { recursive: true, force: true }));

test('the packages of a changeset get new versions and changelogs', () => {
  const before = (name: string) =>
    publishedPackages
      .find((each) => each.name === name)!
      .manifest.version.split('.')
      .map(Number);
  const [major, minor] = before('@sbx/safecopy') as [number, number];
  expect(manifest('@sbx/safecopy').version).toBe(`${major}.${minor + 1}.0`);
  expect(readFileSync(path.join(copy, 'packages/safecopy/CHANGELOG.md'), 'utf8')).toContain('Copies are twice as fast.');
  expect(manifest('@sbx/ring0').version).not.toBe(before('@sbx/ring0').join('.'));
  expect(manifest('@sbx/abi').version).toBe(before('@sbx/abi').join('.'));
});

test('so do those that depend on what is no longer in their range, and the sandbox and the command line, which have it in them', () => {
  const version = (name: string) => publishedPackages.find((each) => each.name === name)!.manifest.version;
  for (const name of ['@sbx/platform', '@sbx/kvm-platform', '@sbx/sandbox', '@sbx/cli'])
    expect(manifest(name).version).not.toBe(version(name));
});
