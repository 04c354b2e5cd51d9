import { expect, test } from 'vitest';
import { execute, toolchains } from '../../../tools/native/toolchain.js';

/** Makes node-gyp-build find nothing, as on a machine without a native part. */
const withoutNative = { PREBUILDS_ONLY: '1', npm_config_arch: 'none' };
const script = `
  import { addressOf, andUint64, implementation, implementations, orUint32 } from '${new URL('../src/index.ts', import.meta.url).href}';
  const words = new Uint32Array(4);
  orUint32(words, 1, 0x80000001);
  orUint32(new Uint8Array(words.buffer), 4, 2);
  andUint64(words, 0, 0xfn << 32n);
  let error;
  try { addressOf(words) } catch (e) { error = e }
  let error2;
  try { orUint32(4096, 1) } catch (e) { error2 = e }
  console.log(implementation, Object.keys(implementations).join(), words.join(), error.code, error2.code, error.reason);
`;

test('without a native part the package works on arrays, and says what an address needs', () => {
  const args = ['--import', 'tsx', '--conditions=@sbx/source', '--input-type=module', '--eval', script];
  const { stdout, stderr } = execute(toolchains.host, process.execPath, args, withoutNative);
  expect(stderr).toBe('');
  expect(stdout).toMatch(
    /^javascript javascript 0,3,0,0 ERR_SBX_NATIVE_UNAVAILABLE ERR_SBX_NATIVE_UNAVAILABLE No native build was found .*arch=none/,
  );
});
