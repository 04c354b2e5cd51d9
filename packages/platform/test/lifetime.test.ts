import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { execute, toolchains } from '../../../tools/native/toolchain.js';

test('memory files that nobody destroyed go with their last view or their thread', () => {
  const child = fileURLToPath(new URL('lifetime-child.ts', import.meta.url));
  const options = ['--expose-gc', '--import', 'tsx', '--conditions=@sbx/source'];
  const { status, signal, stdout, stderr } = execute(toolchains.host, process.execPath, [...options, child]);
  expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
  expect(JSON.parse(stdout)).toEqual({ dropped: 0, viewed: 1, worker: 0, view: 7 });
});
