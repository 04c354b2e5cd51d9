import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Runtime } from '../boot/runtime.js';

declare const sbx: Runtime;

/** The table of blocks of the coverage build, with its sources: what `readSources` of `@sbx/kcov/report` reads. */
export function kcovSources(): Buffer {
  return readFileSync(fileURLToPath(new URL('sentry/kernel-kcov.json.gz', sbx.moduleUrl('@sbx/sandbox'))));
}
