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
 * and limits. It ends with `close`, at the end of an `await using` block, or with this process.
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
   * Makes a sandbox. Rejects with a `SandboxError`: ERR_SBX_OPTION for a wrong option, ERR_SBX_UNSUPPORTED or ERR_SBX_PLATFORM_UNUSABLE where there can be
   * none, ERR_SBX_MOUNT for a directory that can't be shown, ERR_SBX_START where the sentry does not start.
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
   * Starts a program: a path inside, or a name that is looked for in PATH. Rejects with ERR_SBX_SPAWN when it can't be started (`errno`: ENOENT, EACCES, …).
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
   * Runs a program to its end and keeps what it writes. A non-zero exit code is a result; rejects with a `SandboxError` for what else can happen:
   * ERR_SBX_SPAWN, ERR_SBX_TIMEOUT, ERR_SBX_MAX_BUFFER, ABORT_ERR.
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

  /** Ends the sandbox: all programs are killed. Resolves when nothing of it is left. */
  close(): Promise<void> {
    return this.#connection.close();
  }

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
