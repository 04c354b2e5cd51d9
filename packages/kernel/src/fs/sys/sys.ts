import { MS_RDONLY, SYSFS_MAGIC } from '@sbx/abi';
import type { Kernel } from '../../kernel.js';
import type { Inode } from '../../vfs/inode.js';
import { type FileSystemType, SuperBlock } from '../../vfs/super-block.js';
import { StaticDirectory } from '../pseudo/pseudo-directory.js';
import { PseudoLink } from '../pseudo/pseudo-inode.js';
import { TextFile } from '../pseudo/text-file.js';
import { tree } from './tree.js';

const ROOT_INO = 1;
const ATTRIBUTE_SIZE = 4096;

/** A node of the tree as it is described: a directory, a link, or an attribute. */
export type SysNode = SysDirectory | SysLink | SysAttribute | SysInode;
export interface SysDirectory {
  readonly entries: (kernel: Kernel) => Iterable<readonly [string, SysNode]>;
  readonly mode?: number;
}
export interface SysLink {
  readonly target: string;
}
export interface SysAttribute {
  /** The text with its newline. */
  readonly text: (kernel: Kernel) => string;
  readonly mode?: number;
}

/** What is none of these: it makes its own inode. */
export interface SysInode {
  readonly inode: (superBlock: SuperBlock, ino: number) => Inode;
}

class AttributeFile extends TextFile {
  constructor(
    superBlock: SuperBlock,
    ino: number,
    private readonly attribute: SysAttribute,
  ) {
    super(superBlock, ino, attribute.mode ?? 0o444);
    this.size = ATTRIBUTE_SIZE;
  }
  override get pollable(): boolean {
    return true;
  }
  override generate(): string {
    return this.attribute.text(this.superBlock.kernel);
  }
}

/** The file system of devices and kernel objects (sysfs(5)): the processors, and places where tools look before they give up. */
export class SysFileSystem extends SuperBlock {
  #lastIno = ROOT_INO;

  private constructor(kernel: Kernel, device: number) {
    super(kernel, device, 'sysfs', SYSFS_MAGIC);
    this.supportsDirect = false;
    this.root = this.#make(tree);
  }

  static create(kernel: Kernel): SysFileSystem {
    return new SysFileSystem(kernel, kernel.vfs.allocateDevice());
  }

  #make(node: SysNode): Inode {
    const ino = this.#lastIno++;
    if ('text' in node) return new AttributeFile(this, ino, node);
    if ('inode' in node) return node.inode(this, ino);
    if ('target' in node) return new PseudoLink(this, ino, node.target);
    const build = (): (readonly [string, Inode])[] => {
      const entries: (readonly [string, Inode])[] = [];
      for (const [name, child] of node.entries(this.kernel)) entries.push([name, this.#make(child)]);
      return entries;
    };
    return new StaticDirectory(this, ino, build, node.mode ?? 0o755);
  }
}

/** `mount -t sysfs`. */
export const sysfsType: FileSystemType = {
  name: 'sysfs',
  requiresDevice: false,
  mount(kernel, _caller, _source, flags) {
    const superBlock = SysFileSystem.create(kernel);
    superBlock.flags = flags & MS_RDONLY;
    return superBlock;
  },
};
