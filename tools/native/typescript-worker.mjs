// First module of a worker made by typescript-worker.ts: lets Node load TypeScript, then runs the module named in argv.
import { register } from 'tsx/esm/api';

register();
await import(process.argv[2]);
