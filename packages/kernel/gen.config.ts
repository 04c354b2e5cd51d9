import { defines, type GenConfig, printHeader } from '@sbx/gen';
import { vdsoImage } from './native/vdso/build.js';
import { documentSyscalls } from './src/syscalls/document.js';
import { syscallEntries } from './src/syscalls/table.js';
import { VVAR_FIELDS, VVAR_MODE_SYSTEM_CALLS, VVAR_MODE_TSC } from './src/vdso/vvar-layout.js';
import { documentGuestTests } from './test/guest/run/table.js';

function vvarHeader(): string {
  return printHeader({
    guard: 'SBX_VVAR_H',
    source: 'packages/kernel/src/vdso/vvar-layout.ts',
    about: 'The page of time parameters that the vDSO reads.',
    groups: [
      { comment: 'Offsets, in bytes.', defines: defines('VVAR_', VVAR_FIELDS) },
      {
        comment: 'Values of the mode word.',
        defines: [
          { name: 'VVAR_MODE_SYSTEM_CALLS', value: VVAR_MODE_SYSTEM_CALLS },
          { name: 'VVAR_MODE_TSC', value: VVAR_MODE_TSC },
        ],
      },
    ],
  });
}

export default {
  outputs: [
    { path: '../../docs/syscalls.md', content: () => documentSyscalls(syscallEntries) },
    { path: '../../docs/guest-tests.md', content: () => documentGuestTests() },
    { path: 'native/vdso/vvar.h', content: vvarHeader },
    { path: 'src/vdso/image.ts', content: vdsoImage },
  ],
} satisfies GenConfig;
