// npm run bench, npm run soak. See start.mjs.
import { checkNode } from './src/check-node.mjs';

if (checkNode()) import('./src/run.mjs').then((module) => module.run(process.argv.slice(2)));
