import { type Dirent, lstatSync, readdirSync, readlinkSync } from 'node:fs';
import type { MountConfig, SandboxConfig } from './config.js';
import { isWithin, physicalPath } from './paths.js';
import { type ProgramRequest, planProgram } from './program-plan.js';

/** One thing to be done to the guest's tree, in order. Missing mount points are made. */
export type MountStep =
  /** A directory or a file of the host. `publicOnly`: of its files only what any user of the host may read. */
  | {
      readonly type: 'host';
      readonly source: string;
      readonly target: string;
      readonly mode: 'rw' | 'ro' | 'overlay';
      readonly publicOnly: boolean;
      /** Left out without an error when the host does not let us open it. */
      readonly optional: boolean;
    }
  | {
      readonly type: 'tmpfs';
      readonly target: string;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
      readonly size: number | null;
    }
  | { readonly type: 'symlink'; readonly target: string; readonly to: string }
  /** The kernel's own: /proc, /sys, /dev with what lies below it. */
  | { readonly type: 'standard' };

export interface MountPlan {
  readonly steps: readonly MountStep[];
  /** Where programs start. */
  readonly cwd: string;
  /** What the caller ought to know (a line each on stderr). */
  readonly warnings: readonly string[];
  /** What `--verbose` says. */
  readonly notes: readonly string[];
}

/** Directories of the host's root that hold its programs and their configuration, besides those whose name begins with lib. */
const SYSTEM_DIRECTORIES = ['usr', 'bin', 'sbin', 'opt', 'etc'];
/** File systems of the host's kernel: they are not a directory of files that could be shown. */
const KERNEL_TREES = ['/proc', '/sys', '/dev'];

/** Says what the guest's tree is made of. Looks at the host's root and at where the program lies, opens nothing. */
export function planMounts(config: SandboxConfig, program: ProgramRequest | null = null): MountPlan {
  const plan = new Planner(config);
  switch (config.root.type) {
    case 'system':
      plan.systemRoot(program);
      break;
    case 'host':
      plan.hostRoot('/', 'overlay');
      break;
    case 'dir':
      plan.hostRoot(config.root.path, config.root.writable ? 'rw' : 'overlay');
      break;
  }
  return plan;
}

class Planner implements MountPlan {
  readonly steps: MountStep[] = [];
  readonly warnings: string[] = [];
  readonly notes: string[] = [];
  cwd = '/';

  constructor(readonly config: SandboxConfig) {}

  systemRoot(program: ProgramRequest | null): void {
    const { uid, gid } = this.config.user;
    this.#tmpfs('/', 0o755, 0, 0);
    for (const entry of readdirSync('/', { withFileTypes: true })) if (isSystem(entry)) this.#systemEntry(entry);
    this.#tmpfs('/tmp', 0o1777, 0, 0);
    this.#tmpfs('/run', 0o755, 0, 0);
    this.#tmpfs('/var/tmp', 0o1777, 0, 0);
    for (const home of this.#homes()) {
      // A symlink's directory may be in a system directory, where it would be seen.
      if (home !== '/' && (home === this.config.home || this.#shows(home))) this.#tmpfs(home, 0o700, uid, gid);
    }
    const showsWorkingDirectory = this.#checkWorkingDirectory();
    if (program !== null) this.#program(program, showsWorkingDirectory);
    if (showsWorkingDirectory) this.#workingDirectory(this.config.workingDirectory!);
    this.#kernelTrees();
    for (const mount of this.config.mounts) this.#mount(mount);
  }

  hostRoot(source: string, mode: 'rw' | 'overlay'): void {
    this.steps.push({ type: 'host', source, target: '/', mode, publicOnly: false, optional: false });
    if (source === '/') this.cwd = this.config.workingDirectory ?? '/';
    else if (mode === 'overlay') {
      this.#tmpfs('/tmp', 0o1777, 0, 0);
      this.#tmpfs('/run', 0o755, 0, 0);
    }
    this.#kernelTrees();
    for (const mount of this.config.mounts) this.#mount(mount);
  }

  #tmpfs(target: string, mode: number, uid: number, gid: number): void {
    this.steps.push({ type: 'tmpfs', target, mode, uid, gid, size: null });
  }

  /** A system directory; or, where the host has merged /usr, the symlink that stands in its place. */
  #systemEntry(entry: Dirent): void {
    const target = `/${entry.name}`;
    if (entry.isSymbolicLink()) this.steps.push({ type: 'symlink', target, to: readlinkSync(target) });
    else this.steps.push({ type: 'host', source: target, target, mode: 'ro', publicOnly: true, optional: true });
  }

  /** Whether the working directory is shown; sets where programs start. */
  #checkWorkingDirectory(): boolean {
    const { workingDirectory, mounts } = this.config;
    if (workingDirectory === null) return false;
    this.cwd = workingDirectory;
    if (mounts.some(({ target }) => isWithin(workingDirectory, target))) return false;
    if (KERNEL_TREES.some((tree) => isWithin(workingDirectory, tree))) return false;
    if (!this.#homes().some((home) => isWithin(home, workingDirectory))) return true;
    this.warnings.push(
      `the working directory ${workingDirectory} ${this.#homes().includes(workingDirectory) ? 'is' : 'contains'} your home directory, so the program does not see it; ` +
        'cd to a directory below it, or show one with -v HOST:GUEST',
    );
    return false;
  }

  #workingDirectory(source: string): void {
    this.steps.push({ type: 'host', source, target: source, mode: 'overlay', publicOnly: this.#shows(source), optional: false });
  }

  /** Whether a path of the host's is in a directory of it that is shown. */
  #shows(path: string): boolean {
    return this.steps.some((step) => step.type === 'host' && isWithin(path, step.source));
  }

  #program(program: ProgramRequest, showsWorkingDirectory: boolean): void {
    const visible = this.steps.flatMap((step) => (step.type === 'host' || step.type === 'symlink' ? [step.target] : []));
    visible.push(...this.config.mounts.map(({ target }) => target), ...KERNEL_TREES);
    if (showsWorkingDirectory) visible.push(this.config.workingDirectory!);
    const { steps, notes } = planProgram(program, visible, this.#homes());
    this.steps.push(...steps);
    this.notes.push(...notes);
  }

  #kernelTrees(): void {
    this.steps.push({ type: 'standard' });
  }

  #mount(mount: MountConfig): void {
    if (mount.type === 'tmpfs') {
      this.steps.push({ type: 'tmpfs', target: mount.target, mode: 0o1777, uid: 0, gid: 0, size: mount.size });
    } else {
      const { source, target, mode } = mount;
      this.steps.push({ type: 'host', source, target, mode, publicOnly: false, optional: false });
    }
  }

  /** The home directory under its name and, if that is another, without symlinks. */
  #homes(): string[] {
    const { home } = this.config;
    return home === '/' ? ['/'] : [...new Set([home, physicalPath(home)])];
  }
}

function isSystem(entry: Dirent): boolean {
  if (!SYSTEM_DIRECTORIES.includes(entry.name) && !entry.name.startsWith('lib')) return false;
  return entry.isSymbolicLink() || lstatSync(`/${entry.name}`).isDirectory();
}
