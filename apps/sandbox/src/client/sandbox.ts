import { PROTOCOL_VERSION, type ReadyMessage } from '../protocol/messages.js';
import type { IsolationStep } from '../sentry/isolation.js';
import { collect, type RunResult } from './collect.js';
import { configOf, mergeEnvironment } from './config-of.js';
import { Connection } from './connection.js';
import { abortError, SandboxError } from './errors.js';
import { limit } from './limit.js';
import type { RunOptions, SandboxOptions, SpawnOptions } from './options.js';
import type { SandboxProcess } from './sandbox-process.js';
import { checkProgram, checkRunOptions, checkSandboxOptions, checkSpawnOptions } from './validate.js';

const DEFAULT_WATCHDOG_SECONDS = 30;
/** A start takes a tenth of a second; this long on a machine that is overloaded or emulated. */
const DEFAULT_START_TIMEOUT_MS = 60_000;

/**
 * A sandbox: a Linux kernel of its own, in a process of its own, in which programs run that see nothing else. All of its programs share its files, process ids
 * and limits. It ends with `close`, at the end of an `await using` block, or with this process. A sandbox in which nothing runs does not keep this process alive.
 *
 * @example
 * import { Sandbox } from '@sbx/sandbox';
 *
 * await using sandbox = await Sandbox.create();
 * const { stdout } = await sandbox.run('python3', ['-c', 'print(6 * 7)']);
 * stdout; // '42\n'
 */
export class Sandbox implements AsyncDisposable {
  /** The platform on which the programs run: `kvm` or `systrap`. */
  readonly platform: string;
  /** What isolates the sandbox on this machine, and what does not. */
  readonly isolation: readonly IsolationStep[];
  /** What the caller ought to know: that the working directory is not shown because it is the home directory. */
  readonly warnings: readonly string[];
  readonly #connection: Connection;
  readonly #env: Readonly<Record<string, string>>;
  readonly #cwd: string | null;

  private constructor(connection: Connection, ready: ReadyMessage, env: Readonly<Record<string, string>>, cwd: string | null) {
    this.#connection = connection;
    this.#env = env;
    this.#cwd = cwd;
    this.platform = ready.platform;
    this.isolation = ready.isolation;
    this.warnings = ready.warnings;
  }

  /**
   * Makes a sandbox, in about a tenth of a second; this thread does not wait for it. Rejects with a `SandboxError`: ERR_SBX_OPTION for a wrong option,
   * ERR_SBX_UNSUPPORTED or ERR_SBX_PLATFORM_UNUSABLE where there can be none, ERR_SBX_MOUNT for a directory that can't be shown, ERR_SBX_START where the sentry
   * does not start, or not within `startTimeout`, ABORT_ERR when `signal` fires.
   *
   * @example
   * import { Sandbox } from '@sbx/sandbox';
   *
   * await using sandbox = await Sandbox.create({
   *   workingDirectory: false,
   *   mounts: [{ target: '/data', type: 'tmpfs', size: 2 ** 20 }],
   *   env: { GREETING: 'hello' },
   *   cwd: '/data',
   *   limits: { memory: 256 * 2 ** 20, processes: 100 },
   * });
   * await sandbox.run('sh', ['-c', 'echo $GREETING > file']);
   * const { stdout } = await sandbox.run('cat', ['/data/file']);
   * stdout; // 'hello\n'
   */
  static async create(options: SandboxOptions = {}): Promise<Sandbox> {
    const checked = checkSandboxOptions(options);
    checkMachine();
    if (checked.isolation === 'strict') {
      throw new SandboxError(
        'ERR_SBX_UNSUPPORTED',
        "isolation 'strict' is not possible in this version: the sentry is not sealed yet (sbx info shows what there is)",
      );
    }
    const { signal, startTimeout = DEFAULT_START_TIMEOUT_MS } = checked;
    if (signal?.aborted) throw abortError(signal);
    const config = configOf(checked);
    const connection = new Connection();
    const abort = () => connection.abort(abortError(signal!));
    signal?.addEventListener('abort', abort, { once: true });
    const late = () =>
      connection.abort(new SandboxError('ERR_SBX_START', `the sentry did not start within ${startTimeout} ms (startTimeout)`));
    const timer = setTimeout(late, startTimeout);
    try {
      const watchdog = checked.watchdog ?? DEFAULT_WATCHDOG_SECONDS;
      const ready = await connection.create({
        type: 'create',
        version: PROTOCOL_VERSION,
        config,
        watchdog,
        strace: checked.strace ?? null,
      });
      if (checked.limits?.wallTime !== undefined) connection.limitTime(checked.limits.wallTime);
      return new Sandbox(connection, ready, config.env, checked.cwd ?? null);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    }
  }

  /**
   * Starts a program, as execve(2) does, in a session of its own: `command` is a path inside, or a name that is looked for in PATH, and `args` are the words after
   * it, not read by a shell. Resolves when it runs. Rejects with a `SandboxError`: ERR_SBX_SPAWN when it can't be started (`errno`: ENOENT, EACCES, …),
   * ERR_SBX_OPTION for a wrong option, ABORT_ERR when `signal` has fired before, or the reason why there is no sandbox any more (ERR_SBX_CLOSED, …).
   *
   * @example
   * import { text } from 'node:stream/consumers';
   * import { Sandbox } from '@sbx/sandbox';
   *
   * await using sandbox = await Sandbox.create();
   * const child = await sandbox.spawn('sort', ['-r']);
   * child.stdin.end('apple\npear\n');
   * await text(child.stdout); // 'pear\napple\n'
   * (await child.wait()).exitCode; // 0
   * await sandbox.spawn('no-such-program').catch(({ errno }) => errno); // 'ENOENT'
   */
  async spawn(command: string, args: readonly string[] = [], options: SpawnOptions = {}): Promise<SandboxProcess> {
    const [name, words] = checkProgram(command, args);
    const checked = checkSpawnOptions(options);
    const child = await this.#spawn([name, ...words], checked);
    const release = limit(checked, (because) => child.killTree(because));
    child.wait().then(release, release);
    return child;
  }

  /**
   * Runs a program to its end and keeps what it writes. Resolves when it has ended and nobody has its stdout and stderr open any more, so that what it leaves
   * running in the background with them is waited for. A non-zero exit code is a result; rejects with a `SandboxError` for what else can happen: as `spawn`, and with
   * ERR_SBX_TIMEOUT, ERR_SBX_MAX_BUFFER, ERR_SBX_INPUT or ABORT_ERR, when the program and what it started have been killed; `stdout` and `stderr` of the error are
   * then what was written before.
   *
   * @example
   * import { Sandbox } from '@sbx/sandbox';
   *
   * await using sandbox = await Sandbox.create();
   * const { stdout, exitCode } = await sandbox.run('sh', ['-c', 'read a b; echo $((a + b)); exit 3'], { input: '20 22\n' });
   * stdout; // '42\n'
   * exitCode; // 3
   * await sandbox.run('sleep', ['60'], { timeout: 100 }).catch(({ code }) => code); // 'ERR_SBX_TIMEOUT'
   */
  run(command: string, args: readonly string[], options: RunOptions & { encoding: 'buffer' }): Promise<RunResult<Buffer>>;
  run(command: string, args?: readonly string[], options?: RunOptions): Promise<RunResult>;
  async run(command: string, args: readonly string[] = [], options: RunOptions = {}): Promise<RunResult<string | Buffer>> {
    const [name, words] = checkProgram(command, args);
    const checked = checkRunOptions(options);
    return collect(await this.#spawn([name, ...words], checked), checked);
  }

  #spawn(argv: string[], { signal, cwd, env, tty }: SpawnOptions): Promise<SandboxProcess> {
    if (signal?.aborted) throw abortError(signal);
    return this.#connection.spawn({ argv, env: mergeEnvironment(this.#env, env), cwd: cwd ?? this.#cwd, tty: tty ?? null });
  }

  /**
   * Ends the sandbox: all programs are killed, and their `wait` rejects with ERR_SBX_CLOSED, as does whatever is asked of the sandbox from now on. Resolves when
   * nothing of it is left. Never rejects, and may be called again.
   */
  close(): Promise<void> {
    return this.#connection.close();
  }

  /** As `close`: what the end of an `await using` block calls. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function checkMachine(): void {
  if (process.platform === 'linux' && process.arch === 'x64') return;
  throw new SandboxError(
    'ERR_SBX_UNSUPPORTED',
    `sandboxes need Linux on amd64; this is ${process.platform} on ${process.arch}. Run it in a virtual machine or a container with Linux.`,
  );
}
