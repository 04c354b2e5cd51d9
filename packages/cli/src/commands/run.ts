import path from 'node:path';
import type { RootConfig, SandboxConfig, Say } from '@sbx/sandbox/sentry';
import { Command, InvalidArgumentError, Option } from 'commander';
import { EXIT_SBX, Messages } from '../messages.js';
import { type Mount, parseDuration, parseMount, parseSeconds, parseSize, parseUser, parseVariable } from '../values.js';

type Sentry = typeof import('@sbx/sandbox/sentry');

export interface RunFlags {
  interactive?: boolean;
  tty?: boolean;
  env: string[];
  envHost?: boolean;
  workdir?: string;
  user?: ReturnType<typeof parseUser>;
  volume: Mount[];
  mount: Mount[];
  rootfs?: string;
  memory?: number;
  timeout?: number;
  platform: string;
  systrapPatch?: boolean;
  stats?: boolean;
  hostname: string;
  strace?: string;
  kcov?: boolean;
  watchdog: number;
  rm?: boolean;
  json?: boolean;
  verbose?: boolean;
}

/** Flags that docker has and sbx will have: a message that says so, not "unknown". */
const LATER: Readonly<Record<string, string>> = {
  '--net <mode>': 'programs have no network yet',
  '--publish <ports>': 'programs have no network yet',
  '--cpus <number>': 'the number of CPUs cannot be limited yet',
  '--name <name>': 'a running sandbox cannot be addressed yet',
};

/** Whom kcov is for: `-u 0`. */
const ROOT = { user: '0', group: undefined };

const EXAMPLES = `
Examples:
  sbx run -- python3 script.py              the working directory is seen; what is written stays in memory
  sbx run -it -- bash                       a shell with a terminal
  sbx run -v ./out:/out -- make DESTDIR=/out install
                                            /out inside is ./out outside, and is written to
  sbx run --timeout 10s --memory 512m -- ./untrusted
  sbx run -e TOKEN -e MODE=test -- env      passes TOKEN on, sets MODE
  sbx run --strace=calls.txt -- ls          every system call, as strace prints it

Exit status: the program's; 128 + N when signal N ended it; 124 after --timeout; 125 when sbx failed,
126 when the program cannot be run, 127 when it is not found.`;

export function runCommand(): Command {
  const command = new Command('run')
    .description('run a program in a new sandbox')
    .argument('<command...>', 'the program and its arguments')
    .usage('[flags] [--] COMMAND [ARGUMENT...]')
    .passThroughOptions()
    .option('-i, --interactive', "accepted as docker has it: stdin is always the program's")
    .option('-t, --tty', 'give the program a terminal')
    .option('-e, --env <name=value>', 'set a variable; NAME alone passes one on (repeatable)', collect, [])
    .option('--env-host', 'pass on all variables')
    .option('-w, --workdir <path>', 'where the program starts, a path inside')
    .option(
      '-u, --user <user>',
      'run as this user, UID or UID:GID or names (root in the sandbox is only ever root of the sandbox)',
      parseUser,
    )
    .option(
      '-v, --volume <host:guest>',
      'show a directory or file of the host; read-only with :ro; with :overlay writes stay in memory (repeatable)',
      collectMounts,
      [],
    )
    .option(
      '--mount <mount>',
      'the same as docker has it: type=bind,source=…,target=…[,readonly], type=tmpfs,target=… (repeatable)',
      collectMounts,
      [],
    )
    .option(
      '--rootfs <host|dir>',
      "the root: the whole host, or a directory, below an in-memory overlay (default: the host's system directories)",
    )
    .option('--memory <size>', "the most memory that programs may use (default: half of the host's)", parseSize)
    .option('--timeout <time>', 'end the sandbox after this time', parseDuration)
    .option('--platform <name>', 'how programs are run; see sbx platforms', 'auto')
    .option('--systrap-patch <on|off>', 'whether the platform systrap rewrites call sites of programs (default: on)', parseSwitch)
    .option('--hostname <name>', 'the name of the machine as programs see it', 'sbx')
    .option('--strace [file]', 'print system calls to stderr or, with --strace=FILE, to a file')
    .option('--kcov', "use the kernel's coverage build, which has /sys/kernel/debug/kcov; implies -u 0 (see sbx kcov)")
    .option('--rm', 'accepted as docker has it: nothing of a sandbox is ever kept')
    .option('--json', "sbx's own messages as JSON, one a line")
    .option('--stats', 'at the end, say what the platform has counted')
    .option('--verbose', 'say more')
    .addOption(
      new Option('--watchdog <seconds>', 'end a kernel that makes no progress for so long (0: never)')
        .default(30)
        .argParser(parseSeconds)
        .hideHelp(),
    )
    .addHelpText('after', EXAMPLES)
    .action(run);
  for (const [flags, reason] of Object.entries(LATER)) {
    const option = new Option(flags).hideHelp();
    command.addOption(
      option.argParser(() => {
        throw new InvalidArgumentError(`It is not there in this version: ${reason}.`);
      }),
    );
  }
  return command;
}

function parseSwitch(value: string): boolean {
  if (value === 'on' || value === 'off') return value === 'on';
  throw new InvalidArgumentError('It is on or off.');
}

function collect(value: string, previous: string[]): string[] {
  return [...previous, value];
}
function collectMounts(value: string, previous: Mount[]): Mount[] {
  return [...previous, parseMount(value)];
}

function run(argv: string[], flags: RunFlags): Promise<void> {
  return runProgram(argv, flags.kcov ? { user: ROOT, ...flags } : flags, () => {});
}

/** Runs a program and ends this process with its status; before that, `atEnd` is called. */
export async function runProgram(argv: string[], flags: RunFlags, atEnd: () => void): Promise<void> {
  const sentry = await import('@sbx/sandbox/sentry');
  const messages = new Messages(flags.json);
  const say: Say = (level, message, fields) => messages.say(level, message, fields);
  try {
    const status = await sentry.run({
      config: configOf(sentry, flags),
      argv,
      cwd: flags.workdir ?? null,
      tty: flags.tty ?? false,
      timeout: flags.timeout ?? null,
      strace: flags.strace ?? null,
      kcov: flags.kcov ?? false,
      rewriteCallSites: flags.systrapPatch ?? true,
      stats: flags.stats ?? false,
      watchdog: flags.watchdog,
      verbose: flags.verbose ?? false,
      ignoredSignals: (process.env.SBX_IGNORED ?? '').split(',').filter(Boolean).map(Number),
      say,
    });
    atEnd();
    // Nothing is waited for: what is left of the sandbox ends with this process.
    process.exit(status);
  } catch (error) {
    if (!sentry.isSentryError(error)) throw error;
    say('error', error.message, { code: error.code });
    process.exitCode = EXIT_SBX;
  }
}

function configOf(sentry: Sentry, flags: RunFlags): SandboxConfig {
  if (!sentry.isHostname(flags.hostname)) throw new sentry.SentryError('ERR_SBX_OPTION', 'a --hostname has 1 to 64 bytes');
  const caller = sentry.callerEnvironment(process.env);
  const env: Record<string, string> = flags.envHost ? { ...caller } : sentry.scrubEnvironment(caller);
  for (const text of flags.env) {
    const [name, value] = parseVariable(text, caller);
    if (value !== undefined) env[name] = value;
    else delete env[name];
  }
  const here = sentry.currentDirectory();
  const root = rootOf(here, flags.rootfs);
  const home = sentry.homeDirectory(caller);
  return {
    root,
    mounts: [...flags.volume, ...flags.mount].map((mount) =>
      mount.type === 'host' ? { ...mount, source: path.resolve(here, mount.source) } : mount,
    ),
    workingDirectory: root.type === 'dir' ? null : here,
    home,
    user:
      flags.user === undefined
        ? sentry.callingUser()
        : sentry.resolveUser(flags.user.user, flags.user.group, root.type === 'dir' ? root.path : '/'),
    hostname: flags.hostname,
    limits: { ...sentry.defaultLimits(), ...(flags.memory === undefined ? {} : { memory: flags.memory }) },
    platform: flags.platform,
    env,
  };
}

function rootOf(here: string, flag: string | undefined): RootConfig {
  if (flag === undefined) return { type: 'system' };
  return flag === 'host' ? { type: 'host' } : { type: 'dir', path: path.resolve(here, flag), writable: false };
}
