/** Writes the generated headers: `pnpm --filter @sbx/ring0 emit`. */
import { writeFileSync } from 'node:fs';
import { ARCHITECTURES, emit, headerName } from '../src/emit.js';

for (const arch of ARCHITECTURES) writeFileSync(new URL(`../native/include/${headerName(arch)}`, import.meta.url), emit(arch));
