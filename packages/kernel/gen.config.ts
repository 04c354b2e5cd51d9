import type { GenConfig } from '@sbx/gen';
import { documentSyscalls } from './src/syscalls/document.js';
import { syscallEntries } from './src/syscalls/table.js';

export default {
  outputs: [{ path: '../../docs/syscalls.md', content: () => documentSyscalls(syscallEntries) }],
} satisfies GenConfig;
