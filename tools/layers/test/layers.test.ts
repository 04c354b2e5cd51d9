import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

const config = fileURLToPath(new URL('../dependency-cruiser.cjs', import.meta.url));
const depcruise = fileURLToPath(new URL('../node_modules/.bin/depcruise', import.meta.url));
const folders = ['packages/abi', 'packages/kernel', 'apps/sandbox', 'packages/cli', 'tools/gen'];
let root = '';

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'layers-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(file: string, text: string) {
  mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
  writeFileSync(path.join(root, file), text);
}

/** A package of the fixture that resolves as the real ones do: by its export condition, through a link in node_modules. */
function addPackage(folder: string) {
  const name = path.basename(folder);
  write(
    `${folder}/package.json`,
    JSON.stringify({ name: `@sbx/${name}`, type: 'module', exports: { '.': { '@sbx/source': './src/index.ts' } } }),
  );
  mkdirSync(path.join(root, 'node_modules/@sbx'), { recursive: true });
  write(`${folder}/src/index.ts`, 'export const one = 1;\nexport type One = 1;\n');
  symlinkSync(path.join(root, folder), path.join(root, 'node_modules/@sbx', name));
}

/** Exit status and violations as "rule: file". */
function check() {
  // Without colour, which CI=1 switches on even in a pipe.
  const env = { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' };
  const { status, stdout, stderr } = spawnSync(depcruise, ['--config', config, 'packages', 'apps', 'tools'], { cwd: root, env });
  const violations = [...`${stdout}${stderr}`.matchAll(/error ([\w-]+: \S+)/g)].map((match) => match[1]);
  return { status, violations: [...new Set(violations)].sort() };
}

test('what follows the layers passes', () => {
  for (const folder of folders) addPackage(folder);
  write('packages/kernel/src/index.ts', "export { one } from '@sbx/abi';\n");
  write('apps/sandbox/src/index.ts', "export { one } from '@sbx/kernel';\n");
  // A cycle that a type-only import closes.
  write('packages/kernel/src/a.ts', "import { b } from './b.js';\nexport const a = () => b;\nexport type A = typeof a;\n");
  write('packages/kernel/src/b.ts', "import type { A } from './a.js';\nexport const b = (a: A) => a;\n");
  // Tests may import what they like.
  write(
    'packages/abi/src/index.test.ts',
    "import { one } from '@sbx/kernel';\nimport '../../../tools/gen/src/index.js';\nexport default one;\n",
  );
  expect(check()).toEqual({ status: 0, violations: [] });
});

test('each kind of violation is caught', () => {
  for (const folder of folders) addPackage(folder);
  write('packages/abi/src/value.ts', "export { one } from '@sbx/kernel';\n");
  write('packages/abi/src/type.ts', "export type { One } from '../../kernel/src/index.js';\n");
  write('packages/kernel/src/up.ts', "export { one } from '@sbx/sandbox';\n");
  write('apps/sandbox/src/up.ts', "export { one } from '@sbx/cli';\n");
  write('packages/cli/src/tool.ts', "export { one } from '../../../tools/gen/src/index.js';\n");
  write('packages/cli/src/lost.ts', "export { two } from './two.js';\n");
  write('packages/kernel/src/a.ts', "import { b } from './b.js';\nexport const a = () => b;\n");
  write('packages/kernel/src/b.ts', "import { c } from './c.js';\nexport const b = () => c;\n");
  write('packages/kernel/src/c.ts', "import { a, type A } from './a.js';\nexport const c = (): A => a;\n");
  const { status, violations } = check();
  expect(violations).toEqual([
    'layer-abi: packages/abi/src/type.ts',
    'layer-abi: packages/abi/src/value.ts',
    'layer-kernel: packages/kernel/src/up.ts',
    'layer-sandbox: apps/sandbox/src/up.ts',
    'no-import-cycles: packages/kernel/src/a.ts',
    'no-tools-in-products: packages/cli/src/tool.ts',
    'no-unresolved: packages/cli/src/lost.ts',
  ]);
  expect(status).not.toBe(0);
});
