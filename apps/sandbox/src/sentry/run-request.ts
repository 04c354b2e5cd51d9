import type { SandboxConfig } from '../config/config.js';

/** What `sbx run` wants: a sandbox for one program, which gets this process's stdin, stdout and stderr. */
export interface RunRequest {
  readonly config: SandboxConfig;
  /** The program and its arguments. */
  readonly argv: readonly string[];
  /** Where it starts, or null: where the plan says. */
  readonly cwd: string | null;
  /** It gets a terminal of its own, connected with the caller's. */
  readonly tty: boolean;
  /** Milliseconds until the sandbox is ended, or null. */
  readonly timeout: number | null;
  /** Where system calls are written: a file, '-' for stderr, or null. */
  readonly strace: string | null;
  /** Takes the coverage build of the kernel. */
  readonly kcov: boolean;
  /** Whether the platform may rewrite call sites of programs. */
  readonly rewriteCallSites: boolean;
  /** At the end, says what the platform has counted. */
  readonly stats: boolean;
  /** Seconds without progress of the kernel after which it is ended; 0: never. */
  readonly watchdog: number;
  readonly verbose: boolean;
  /** Signals that the caller ignores: the program starts so too. */
  readonly ignoredSignals: readonly number[];
  readonly say: Say;
}

export type Say = (level: 'info' | 'warning' | 'error', message: string, fields?: Readonly<Record<string, unknown>>) => void;
