import type { Readable } from 'node:stream';

/** What of the host's files the programs see as their root. */
export type RootfsOptions =
  /** The host's system directories (`/usr`, `/bin`, `/sbin`, `/lib*`, `/opt`, `/etc`), read-only, and in them only what any user of the host may read. */
  | { type: 'system' }
  /** The whole host tree, read-only below an in-memory overlay. */
  | { type: 'host' }
  /** A directory of the host, read-only below an in-memory overlay; `writable`: changes go to the directory. */
  | { type: 'dir'; path: string; writable?: boolean };

/** Something shown at a path inside, which need not exist: it is made for the programs, never on the host. */
export type MountOptions =
  /**
   * A directory or file of the host. What programs write reaches it at once; with `readOnly` they can't write, with `overlay` what they write stays in the
   * sandbox's memory.
   */
  | { target: string; source: string; readOnly?: boolean; overlay?: boolean }
  /** An empty file system in the sandbox's memory. `size` in bytes; default: half of the sandbox's memory. */
  | { target: string; type: 'tmpfs'; size?: number };

/** What all programs of a sandbox together, or each of them, may have. What happens at a limit is what Linux does: see each. */
export interface LimitOptions {
  /**
   * Bytes of memory of all programs together, files in tmpfs included. When they want more the largest program is killed, as by Linux's OOM killer. At least
   * 16 MiB. Default: half of the host's.
   */
  memory?: number;
  /** Tasks (processes and threads) at one time: for more, fork(2) fails with EAGAIN. Default 4096. */
  processes?: number;
  /** Open files of a process (RLIMIT_NOFILE in getrlimit(2)): soft limit, or both. Default 1024 and 65536. */
  openFiles?: number | { soft: number; hard: number };
  /** Milliseconds from its creation until the sandbox is ended, which its programs' `wait` says with ERR_SBX_WALL_TIME. Default: none. */
  wallTime?: number;
}

/** What is told of a sandbox when it is made. Each has a default; one that is wrong or unknown is an ERR_SBX_OPTION, whose message names it. */
export interface SandboxOptions {
  /** Default: `{ type: 'system' }`. */
  rootfs?: RootfsOptions;
  /**
   * A directory of the host that programs see at its own path, read-only below an in-memory overlay, and where they start; `false`: none. Default: the current
   * working directory, if it is not the home directory and does not contain it. Not used with `rootfs: { type: 'dir' }`.
   */
  workingDirectory?: string | false;
  /** What is shown beside the root, in this order: a later one may lie inside an earlier one. */
  mounts?: MountOptions[];
  /** Variables beside those that every program gets: PATH, HOME, LANG, LC_*, TZ, TERM and USER of this process. `undefined` takes one away. */
  env?: Record<string, string | undefined>;
  /** Where programs start, a path inside. Default: the working directory if it is seen, else `/`. */
  cwd?: string;
  /** Default: the ids of this process. Root in the sandbox is only ever root of the sandbox. */
  user?: { uid: number; gid: number; groups?: number[] };
  /** What programs see as the machine's name, 1 to 64 bytes. Default: 'sbx'. */
  hostname?: string;
  /** Programs have no network in this version. */
  network?: 'none';
  /** What the programs may have. Default: see each limit. */
  limits?: LimitOptions;
  /** How programs are run: `auto` (default) takes the fastest that works here. */
  platform?: string;
  /** `strict` refuses to start without every layer of isolation; this version does not have them all yet. Default: what there is. */
  isolation?: 'default' | 'strict';
  /** Every system call is written to this file of the host, as strace(1) prints it. */
  strace?: string;
  /** Seconds after which a sentry that makes no progress (a bug in sbx) is ended; 0: never. Default 30. */
  watchdog?: number;
  /** Milliseconds that the creation may take: a sentry that has not answered by then is ended. Default 60,000. */
  startTimeout?: number;
  /** Aborts the creation. */
  signal?: AbortSignal;
}

/** The size of a terminal in characters, 1 to 65535 each. */
export interface TerminalSize {
  columns: number;
  rows: number;
}

/** What is told of a program when it is started. */
export interface SpawnOptions {
  /** Where the program starts, a path inside. Default: the sandbox's. */
  cwd?: string;
  /** Variables beside the sandbox's; `undefined` takes one away. */
  env?: Record<string, string | undefined>;
  /** Milliseconds after which the program and everything that it started is killed. Default: none. */
  timeout?: number;
  /** Kills the program and everything that it started. */
  signal?: AbortSignal;
  /** Gives the program a terminal: what it writes comes from `stdout`, and `stderr` is empty. */
  tty?: TerminalSize;
}

/** What is told of a program that runs to its end. */
export interface RunOptions extends Omit<SpawnOptions, 'tty'> {
  /** What the program reads from stdin. Default: nothing. */
  input?: string | Uint8Array | Readable | AsyncIterable<Uint8Array | string>;
  /** Bytes of stdout and stderr together that are kept: with more the program is killed. Default 64 MiB. */
  maxBuffer?: number;
  /** How output becomes a string; `buffer`: not at all. Default `utf8`. */
  encoding?: BufferEncoding | 'buffer';
}
