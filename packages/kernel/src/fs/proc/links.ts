import { EINVAL, ENOENT, S_IFREG } from '@sbx/abi';
import type { Kernel } from '../../kernel.js';
import { FileDescription } from '../../vfs/file-description.js';
import type { Caller, Inode } from '../../vfs/inode.js';
import type { Mount } from '../../vfs/mount.js';
import { Path } from '../../vfs/path.js';
import { SuperBlock } from '../../vfs/super-block.js';
import { asTask } from '../pseudo/caller.js';
import { PseudoInode } from '../pseudo/pseudo-inode.js';
import { MagicLink } from './descriptors.js';

const NSFS_MAGIC = 0x6e736673;
/** Numbers of the initial namespaces, as Linux gives them (include/linux/proc_ns.h). */
const NAMESPACES: readonly (readonly [string, number])[] = [
  ['cgroup', 0xeffffffb],
  ['ipc', 0xefffffff],
  ['mnt', 0xf0000000],
  ['net', 0xf0000058],
  ['pid', 0xeffffffc],
  ['pid_for_children', 0xeffffffc],
  ['time', 0xeffffffa],
  ['time_for_children', 0xeffffffa],
  ['user', 0xeffffffd],
  ['uts', 0xeffffffe],
];
export const NAMESPACE_NAMES: readonly string[] = NAMESPACES.map(([name]) => name);

/** /proc/PID/exe. */
export class ExeLink extends MagicLink {
  protected override target(): Path | number {
    const file = this.subject.mm?.executable ?? null;
    if (file === null || file.mount === null || file.dentry === null) return -ENOENT;
    return new Path(file.mount, file.dentry);
  }
}

/** /proc/PID/cwd. */
export class CwdLink extends MagicLink {
  protected override target(): Path | number {
    const task = this.subject.live;
    return task === null ? -ENOENT : new Path(task.fs.cwdMount, task.fs.cwdDentry);
  }
}

/** /proc/PID/root. */
export class RootLink extends MagicLink {
  protected override target(): Path | number {
    const task = this.subject.live;
    return task === null ? -ENOENT : new Path(task.fs.rootMount, task.fs.rootDentry);
  }
}

/** A namespace as an object: what the links in `ns` lead to. There is one of each kind in a sandbox. */
class NamespaceInode extends PseudoInode {
  constructor(
    superBlock: SuperBlock,
    ino: number,
    readonly label: string,
  ) {
    super(superBlock, ino, S_IFREG | 0o444);
  }
  override dynamicName(): string {
    return `${this.label}:[${this.ino}]`;
  }
  override open(_caller: Caller, flags: number): FileDescription | number {
    return new NamespaceDescription(flags);
  }
}

/** An open namespace: a handle for comparison; nobody can move into another. */
class NamespaceDescription extends FileDescription {
  override read(): number {
    return -EINVAL;
  }
  protected override release(): void {}
}

const namespacesOf = new WeakMap<Kernel, NamespaceSuperBlock>();

class NamespaceSuperBlock extends SuperBlock {
  readonly mount: Mount;
  readonly places = new Map<string, Path>();

  constructor(kernel: Kernel) {
    super(kernel, kernel.vfs.allocateDevice(), 'nsfs', NSFS_MAGIC);
    const inodes = new Map<number, Inode>();
    this.root = new NamespaceInode(this, 1, 'nsfs');
    this.mount = kernel.vfs.mountInternally(this);
    for (const [name, ino] of NAMESPACES) {
      let inode = inodes.get(ino);
      if (inode === undefined) inodes.set(ino, (inode = new NamespaceInode(this, ino, name.replace('_for_children', ''))));
      inode.incRef();
      this.places.set(name, new Path(this.mount, kernel.vfs.cache.makeRoot(inode, name)));
    }
  }
  static of(kernel: Kernel): NamespaceSuperBlock {
    let superBlock = namespacesOf.get(kernel);
    if (superBlock === undefined) namespacesOf.set(kernel, (superBlock = new NamespaceSuperBlock(kernel)));
    return superBlock;
  }
}

/** /proc/PID/ns/*. */
export class NamespaceLink extends MagicLink {
  constructor(
    superBlock: SuperBlock,
    ino: number,
    subject: ConstructorParameters<typeof MagicLink>[2],
    private readonly namespace: string,
  ) {
    super(superBlock, ino, subject);
  }
  protected override target(caller: Caller): Path | number {
    return NamespaceSuperBlock.of(caller.kernel).places.get(this.namespace) ?? -ENOENT;
  }
}

/** /proc/self: the process that asks. */
export class SelfLink extends PseudoInode {
  constructor(superBlock: SuperBlock, ino: number) {
    super(superBlock, ino, 0o120777);
  }
  override readlink(caller: Caller): string | number {
    const task = asTask(caller);
    return task === null ? -ENOENT : String(task.threadGroup.id);
  }
}

/** /proc/thread-self. */
export class ThreadSelfLink extends PseudoInode {
  constructor(superBlock: SuperBlock, ino: number) {
    super(superBlock, ino, 0o120777);
  }
  override readlink(caller: Caller): string | number {
    const task = asTask(caller);
    return task === null ? -ENOENT : `${task.threadGroup.id}/task/${task.id}`;
  }
}
