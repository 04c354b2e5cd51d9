import { MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RDONLY, PROC_SUPER_MAGIC } from '@sbx/abi';
import type { Kernel } from '../../kernel.js';
import type { Caller, Inode } from '../../vfs/inode.js';
import type { Stat } from '../../vfs/stat.js';
import { type FileSystemType, SuperBlock } from '../../vfs/super-block.js';
import { type EntryInfo, PseudoDirectory, StaticDirectory } from '../pseudo/pseudo-directory.js';
import { PseudoLink } from '../pseudo/pseudo-inode.js';
import { SelfLink, ThreadSelfLink } from './links.js';
import { subjectIno } from './proc-inode.js';
import { parsePid, processDirectory } from './process-directory.js';
import { Subject } from './subject.js';
import { sysctlDirectory } from './sysctl.js';
import { cpuinfo, SystemFile, systemTexts, ttyTexts } from './system-files.js';

/** Numbers of fixed files begin here, as in Linux. */
const FIRST_INO = 0xf0000000;
const ROOT_INO = 1;
/** Positions in the root directory: fixed entries below, then processes by pid. */
const FIRST_PROCESS = 256;

/** What the file system shows of the host. */
export interface ProcOptions {
  /** The host's /proc/cpuinfo, asked for at most once, when a program reads it; without it, programs see a processor without a name. */
  readonly cpuinfo?: () => string;
}

const optionsOf = new WeakMap<Kernel, ProcOptions>();

class ProcRoot extends PseudoDirectory {
  readonly #fixed: StaticDirectory;
  #pids: readonly number[] = [];
  #forks = -1;

  constructor(superBlock: ProcFileSystem) {
    super(superBlock, ROOT_INO);
    this.#fixed = new StaticDirectory(superBlock, ROOT_INO, () => superBlock.fixedEntries());
  }
  override lookup(caller: Caller, name: string): Inode | number {
    const pid = parsePid(name);
    return pid < 0 ? this.#fixed.lookup(caller, name) : processDirectory(this.superBlock.kernel, this.superBlock, pid);
  }
  override revalidate(_caller: Caller, name: string, child: Inode | null): number {
    if (parsePid(name) < 0) return 1;
    const subject = child === null ? null : (child as Inode & { subject?: Subject }).subject;
    return subject?.exists ? 1 : 0;
  }
  override nextEntry(caller: Caller, position: number, out: EntryInfo): number {
    if (position < FIRST_PROCESS) {
      const next = this.#fixed.nextEntry(caller, position, out);
      if (next > 0) return next;
      position = FIRST_PROCESS;
    }
    const { kernel } = this.superBlock;
    const pid = this.#nextPid(position - FIRST_PROCESS);
    if (pid < 0) return 0;
    out.name = String(pid);
    out.mode = 0o040000;
    out.ino = subjectIno(new Subject(kernel, pid, kernel.processes.get(pid)!, null), 0);
    return pid + 1 + FIRST_PROCESS;
  }
  override getAttributes(caller: Caller, stat: Stat): number {
    this.nlink = 2 + this.#fixed.nlink + this.superBlock.kernel.processes.size;
    return super.getAttributes(caller, stat);
  }

  /** The lowest pid not below `from`, or -1. The sorted list is kept as long as no process comes or goes. */
  #nextPid(from: number): number {
    const { processes, forks } = this.superBlock.kernel;
    if (this.#pids.length !== processes.size || this.#forks !== forks) {
      this.#pids = [...processes.keys()].sort((a, b) => a - b);
      this.#forks = forks;
    }
    let low = 0;
    let high = this.#pids.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#pids[middle] < from) low = middle + 1;
      else high = middle;
    }
    return this.#pids[low] ?? -1;
  }
}

/** The file system of processes and of the kernel's own state (proc(5)). */
export class ProcFileSystem extends SuperBlock {
  #lastIno = FIRST_INO;

  private constructor(kernel: Kernel, device: number) {
    super(kernel, device, 'proc', PROC_SUPER_MAGIC);
    this.blockSize = 1024;
    this.revalidates = true;
    this.supportsDirect = false;
    this.impliedFlags = MS_NOEXEC | MS_NODEV | MS_NOSUID;
    this.root = new ProcRoot(this);
  }

  /** A new instance. `options` are kept for later instances of the same kernel (mount -t proc). */
  static create(kernel: Kernel, options?: ProcOptions): ProcFileSystem {
    if (options !== undefined) optionsOf.set(kernel, options);
    return new ProcFileSystem(kernel, kernel.vfs.allocateDevice());
  }

  nextIno(): number {
    return this.#lastIno++;
  }

  /** The entries at the top that are not about a process. */
  *fixedEntries(): Iterable<readonly [string, Inode]> {
    const nextIno = (): number => this.nextIno();
    yield ['self', new SelfLink(this, nextIno())];
    yield ['thread-self', new ThreadSelfLink(this, nextIno())];
    yield ['mounts', new PseudoLink(this, nextIno(), 'self/mounts')];
    yield ['net', new PseudoLink(this, nextIno(), 'self/net')];
    yield ['sys', sysctlDirectory(this, nextIno)];
    yield ['tty', new StaticDirectory(this, nextIno(), () => this.#files(ttyTexts))];
    for (const name of ['bus', 'driver', 'fs', 'irq']) yield [name, new StaticDirectory(this, nextIno(), () => [])];
    const read = optionsOf.get(this.kernel)?.cpuinfo ?? (() => '');
    let host: string | undefined;
    yield ['cpuinfo', new SystemFile(this, nextIno(), (kernel) => cpuinfo((host ??= read()), kernel.platform.concurrency))];
    yield* this.#files(systemTexts);
  }
  *#files(texts: typeof systemTexts): Iterable<readonly [string, Inode]> {
    for (const [name, text] of Object.entries(texts)) yield [name, new SystemFile(this, this.nextIno(), text)];
  }
}

/** `mount -t proc`. */
export const procType: FileSystemType = {
  name: 'proc',
  requiresDevice: false,
  mount(kernel, _caller, _source, flags) {
    const superBlock = ProcFileSystem.create(kernel);
    superBlock.flags = flags & MS_RDONLY;
    return superBlock;
  },
};
