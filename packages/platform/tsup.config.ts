import { library } from '../../tsup.shared.js';

export default [
  { ...library(), clean: ['!conformance/**'] },
  // The suite uses the package as every platform's tests do, by its name, so that there is one copy of its classes. Vitest has no CommonJS.
  { ...library({ index: 'conformance/index.ts' }, ['esm']), outDir: 'dist/conformance', external: ['@sbx/platform', 'vitest'] },
];
