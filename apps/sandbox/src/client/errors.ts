/** Stable codes of the errors that this package throws. */
export type SandboxErrorCode =
  /** An option is wrong, or is not there in this version; the message names it. */
  | 'ERR_SBX_OPTION'
  /** This machine or this runtime can't run a sandbox; the message says what is needed. */
  | 'ERR_SBX_UNSUPPORTED'
  /** No platform works here; the message has the reasons. */
  | 'ERR_SBX_PLATFORM_UNUSABLE'
  /** A directory of the host can't be shown, or a mount point can't be made. */
  | 'ERR_SBX_MOUNT'
  /** The sentry could not be started, or did not get as far as a sandbox, or not within `startTimeout`. */
  | 'ERR_SBX_START'
  /** A program could not be started: `errno` says why (`ENOENT`, `EACCES`, …). */
  | 'ERR_SBX_SPAWN'
  /** `timeout` is over; the program was killed. */
  | 'ERR_SBX_TIMEOUT'
  /** `limits.wallTime` is over; the sandbox was ended. */
  | 'ERR_SBX_WALL_TIME'
  /** A program wrote more than `maxBuffer`; it was killed. */
  | 'ERR_SBX_MAX_BUFFER'
  /** The stream that was given as a program's `input` failed: `cause` says how. */
  | 'ERR_SBX_INPUT'
  /** The sandbox has been closed. */
  | 'ERR_SBX_CLOSED'
  /** The sentry is gone (killed, or out of memory): `report` has what it said. */
  | 'ERR_SBX_SENTRY_DIED'
  /** A bug in sbx: `report` has the details. The sandbox is gone, the embedding program goes on. */
  | 'ERR_SBX_KERNEL_PANIC'
  /** An AbortSignal fired; `cause` is its reason. */
  | 'ABORT_ERR';

export interface SandboxErrorDetails {
  /** Name of Linux's error, for ERR_SBX_SPAWN. */
  readonly errno?: string;
  /** What the sentry said before its end, and how it ended. */
  readonly report?: string;
  /** What a program had written, for errors of `run`. */
  readonly stdout?: string | Buffer;
  readonly stderr?: string | Buffer;
  readonly cause?: unknown;
}

/**
 * An error of a sandbox. `code` is stable; the message is for people. A program that fails is no error: its exit code is a result. What an AbortSignal ended has
 * the name and code that Node gives its own such errors, `AbortError` and `ABORT_ERR`.
 *
 * @example
 * import { Sandbox, SandboxError } from '@sbx/sandbox';
 *
 * const error = await Sandbox.create({ hostname: '' }).catch((reason) => reason);
 * error instanceof SandboxError; // true
 * error.code; // 'ERR_SBX_OPTION'
 * error.message.includes('hostname'); // true
 */
export class SandboxError extends Error {
  /** Name of Linux's error, for ERR_SBX_SPAWN: `ENOENT`. See errno(3). */
  readonly errno: string | undefined;
  /** What the sentry said before its end, and how it ended: for ERR_SBX_SENTRY_DIED, ERR_SBX_KERNEL_PANIC and ERR_SBX_START. */
  readonly report: string | undefined;
  /** What the program had written, for errors of `run`; a Buffer with `encoding: 'buffer'`. */
  readonly stdout: string | Buffer | undefined;
  readonly stderr: string | Buffer | undefined;

  constructor(
    readonly code: SandboxErrorCode,
    message: string,
    details: SandboxErrorDetails = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = code === 'ABORT_ERR' ? 'AbortError' : 'SandboxError';
    this.errno = details.errno;
    this.report = details.report;
    this.stdout = details.stdout;
    this.stderr = details.stderr;
  }
}

/** What an operation rejects with whose AbortSignal fired. */
export function abortError(signal: AbortSignal): SandboxError {
  return new SandboxError('ABORT_ERR', 'The operation was aborted', { cause: signal.reason });
}
