/**
 * What a sandbox is made of, complete and checked: plain data that goes from the client to the sentry as JSON. Paths are absolute; `source` is on the host,
 * `target` inside. Strings are text; they become byte strings (see byte-string.ts) on the way into the kernel.
 */
export interface SandboxConfig {
  readonly root: RootConfig;
  readonly mounts: readonly MountConfig[];
  /** A directory of the host that is shown at its own path, read-only below an in-memory overlay; null: none. */
  readonly workingDirectory: string | null;
  /** Where the program's home directory is, a fresh tmpfs; and what of the host must not be seen because it is one. */
  readonly home: string;
  readonly user: UserConfig;
  readonly hostname: string;
  readonly limits: LimitsConfig;
  /** 'auto' or a platform's name. */
  readonly platform: string;
  /** The programs' environment; each may add to it. */
  readonly env: Readonly<Record<string, string>>;
}

export type RootConfig =
  /** The host's system directories, read-only, and in them what any user may read. */
  | { readonly type: 'system' }
  /** The whole host tree, read-only below an in-memory overlay. */
  | { readonly type: 'host' }
  /** A directory of the host, below an in-memory overlay; `writable`: changes go to the directory. */
  | { readonly type: 'dir'; readonly path: string; readonly writable: boolean };

export type MountConfig =
  | { readonly type: 'host'; readonly source: string; readonly target: string; readonly mode: 'rw' | 'ro' | 'overlay' }
  | { readonly type: 'tmpfs'; readonly target: string; readonly size: number | null };

export interface UserConfig {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

export interface LimitsConfig {
  /** Bytes of application memory, tmpfs included. */
  readonly memory: number;
  /** Tasks (threads) at one time. */
  readonly tasks: number;
  /** RLIMIT_NOFILE. */
  readonly openFilesSoft: number;
  readonly openFilesHard: number;
}
