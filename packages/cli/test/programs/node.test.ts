import path from 'node:path';
import process from 'node:process';
import { testTable } from './support/differential.js';
import { ENVIRONMENT } from './support/run.js';

const folder = path.dirname(process.execPath);
/** Where Node is installed: shown to the programs, unless it is where they see everything. */
const prefix = path.dirname(folder);

testTable('node.sh', {
  env: { PATH: `${folder}:${ENVIRONMENT.PATH}` },
  flags: /^\/(usr|opt)\b/.test(prefix) ? [] : ['-v', `${prefix}:${prefix}:ro`],
});
