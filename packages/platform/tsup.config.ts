import type { Options } from 'tsup';
import { library } from '../../tsup.shared.js';

// The conformance suite uses the package as every platform's tests do: by its name, so that there is one copy of its classes.
export default {
  ...(library({ index: 'src/index.ts', conformance: 'conformance/index.ts' }) as Options),
  external: ['@sbx/platform', 'vitest'],
};
