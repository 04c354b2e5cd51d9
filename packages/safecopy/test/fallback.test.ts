import { expect, test } from 'vitest';
import { execute, toolchains } from '../../../tools/native/toolchain.js';

/** Makes node-gyp-build find nothing, as on a machine without a native part. */
const withoutNative = { PREBUILDS_ONLY: '1', npm_config_arch: 'none' };
const script = `
  import { addressOf, copyIn, lastFault, NativeUnavailableError } from '${new URL('../src/index.ts', import.meta.url).href}';
  for (const use of [() => addressOf(new Uint8Array(1)), () => copyIn(new Uint8Array(1), 0)]) {
    try { use() } catch (e) { console.log(e instanceof NativeUnavailableError, e.code, e.message.split('\\n')[0]) }
  }
  console.log(lastFault());
`;

test('without a native part the package can be imported, and says at first use what it needs', () => {
  const args = ['--import', 'tsx', '--conditions=@sbx/source', '--input-type=module', '--eval', script];
  const { stdout, stderr } = execute(toolchains.host, process.execPath, args, withoutNative);
  expect(stderr).toBe('');
  const line = (what: string) =>
    `true ERR_SBX_NATIVE_UNAVAILABLE ${what} needs the native part of @sbx/safecopy: No native build was found .*\n`;
  expect(stdout).toMatch(new RegExp(`^${line('addressOf')}${line('copyIn')}undefined\n$`));
});
