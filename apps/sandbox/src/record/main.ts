/**
 * Makes the code cache: runs a program of the host's in a sandbox, and keeps of the bundles the functions that this took. The program is nobody's in particular:
 * what comes into the cache is made before anything that is not trusted runs.
 */
import path from 'node:path';
import { callingUser, defaultLimits, run } from '@sbx/sandbox/sentry';
import type { Runtime } from '../boot/runtime.js';

declare const sbx: Runtime;

/** A pipe, processes, files, a directory: what most programs begin with. */
const SCRIPT = 'x=$(ls / | cat); cd /tmp && echo "$x" > x && read x < x';
/** Catches hangs. */
const PATIENCE_MS = 10_000;

setTimeout(() => process.exit(1), PATIENCE_MS).unref();

run({
  config: {
    root: { type: 'system' },
    mounts: [],
    // Any directory that is there: it is shown below an overlay.
    workingDirectory: path.dirname(process.argv[1]),
    home: '/root',
    user: callingUser(),
    hostname: 'sbx',
    limits: defaultLimits(),
    platform: 'auto',
    env: { PATH: '/usr/bin:/bin' },
  },
  argv: ['/bin/sh', '-c', SCRIPT],
  cwd: null,
  tty: false,
  timeout: null,
  strace: null,
  watchdog: PATIENCE_MS / 1000,
  verbose: false,
  kcov: false,
  rewriteCallSites: true,
  stats: false,
  ignoredSignals: [],
  say() {},
}).then(
  (status) => {
    if (status === 0) sbx.writeCode();
    process.exit(status);
  },
  () => process.exit(1),
);
