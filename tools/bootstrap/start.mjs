// npm start. This file and check-node.mjs use nothing that an old Node can't parse, so that it gets to read the message.
import { checkNode } from './src/check-node.mjs';

if (checkNode()) import('./src/start.mjs').then((module) => module.start(process.argv.slice(2)));
