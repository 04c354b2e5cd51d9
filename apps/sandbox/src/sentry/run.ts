import { mark } from '../boot/marks.js';
import { DEFAULT_PATH } from '../config/defaults.js';
import { prepare } from './prepare.js';
import type { RunRequest } from './run-request.js';

/** Runs one program in a new sandbox: opens what it needs, seals this process, runs the kernel. The exit status for this process. */
export function run(request: RunRequest): Promise<number> {
  mark('flags parsed, sentry bundle runs');
  const { config, argv, strace, kcov, rewriteCallSites, say, verbose } = request;
  const program = { name: argv[0], searchPath: config.env.PATH ?? DEFAULT_PATH, cwd: config.workingDirectory ?? '/' };
  const seen = config.root.type === 'system' ? program : null;
  const prepared = prepare(config, { program: seen, strace, kcov, rewriteCallSites });
  for (const warning of prepared.plan.warnings) say('warning', warning);
  if (verbose) {
    for (const note of prepared.plan.notes) say('info', note);
    say('info', `platform: ${prepared.platform.name}`);
  }
  const { runCommand } = prepared.kernel.run() as typeof import('../kernel/index.js');
  mark('kernel bundle runs');
  return runCommand(prepared, request);
}
