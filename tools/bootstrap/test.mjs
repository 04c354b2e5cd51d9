// npm test. See start.mjs.
import { checkNode } from './src/check-node.mjs';

if (checkNode()) import('./src/test.mjs').then((module) => module.test(process.argv.slice(2)));
