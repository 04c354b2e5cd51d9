import type { GenConfig } from '@sbx/gen';
import { ARCHITECTURES, emit, headerName } from './src/emit.js';

export default {
  outputs: ARCHITECTURES.map((arch) => ({ path: `native/include/${headerName(arch)}`, content: () => emit(arch) })),
} satisfies GenConfig;
