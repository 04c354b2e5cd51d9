import {
  EFAULT,
  EINVAL,
  EMFILE,
  ENODEV,
  F_SEAL_SEAL,
  MFD_ALLOW_SEALING,
  MFD_CLOEXEC,
  MFD_HUGETLB,
  O_LARGEFILE,
  O_RDWR,
  RLIMIT_NOFILE,
} from '@sbx/abi';
import type { ContextPage } from '@sbx/platform';
import type { Kernel } from '../../kernel.js';
import { partial, type SyscallEntry } from '../../syscalls/entry.js';
import type { Task } from '../../task/task.js';
import { ownString } from '../../vfs/dentry.js';
import type { FileDescription } from '../../vfs/file-description.js';
import type { Caller } from '../../vfs/inode.js';
import type { Mount } from '../../vfs/mount.js';
import { install } from '../../vfs/syscalls-open.js';
import { TmpfsSuperBlock } from './tmpfs.js';
import { TmpfsFile } from './tmpfs-file.js';

/** The longest name, without "memfd:". */
const MAX_NAME = 249;

/** A file without a name in any directory. */
class MemoryFileInode extends TmpfsFile {
  constructor(
    superBlock: TmpfsSuperBlock,
    private readonly label: string,
  ) {
    super(superBlock, superBlock.nextIno(), 0o100777);
    this.nlink = 0;
  }
  override dynamicName(): string {
    return `/${this.label} (deleted)`;
  }
}

/** The file system of memory files, made at its first use (Linux's shm_mnt). */
const mounts = new WeakMap<Kernel, Mount>();

function mountOf(kernel: Kernel): Mount {
  let mount = mounts.get(kernel);
  if (mount === undefined) {
    mount = kernel.vfs.mountInternally(new TmpfsSuperBlock(kernel, kernel.vfs.allocateDevice(), { size: Number.POSITIVE_INFINITY }));
    mounts.set(kernel, mount);
  }
  return mount;
}

/**
 * A file in application memory without a name (memfd_create, shared memory): opened read-write, one reference for the caller; or -ENOSPC. `label` is what
 * /proc shows ("memfd:x").
 */
export function createMemoryFile(caller: Caller, label: string, sealable: boolean): FileDescription | number {
  const mount = mountOf(caller.kernel);
  const superBlock = mount.superBlock as TmpfsSuperBlock;
  const reserved = superBlock.reserveInode();
  if (reserved < 0) return reserved;
  const inode = new MemoryFileInode(superBlock, ownString(label));
  inode.uid = caller.credentials.fsuid;
  inode.gid = caller.credentials.fsgid;
  if (sealable) inode.seals &= ~F_SEAL_SEAL;
  const file = inode.open(caller, O_RDWR | O_LARGEFILE);
  const dentry = caller.kernel.vfs.cache.makeRoot(inode, label);
  file.attach(mount, dentry);
  dentry.decRef();
  inode.acquireWrite();
  file.countsAsWriter = true;
  return file;
}

function sysMemfdCreate(task: Task, args: ContextPage): number {
  const flags = args.argUint32(1);
  if ((flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING)) !== 0) return (flags & MFD_HUGETLB) !== 0 ? -ENODEV : -EINVAL;
  const name = task.mm.copyInString(args.argAddress(0), MAX_NAME + 1);
  if (typeof name === 'number') return name === -EFAULT ? name : -EINVAL;
  if (task.files.reserve(task.threadGroup.limits.soft[RLIMIT_NOFILE]) < 0) return -EMFILE;
  const file = createMemoryFile(task, `memfd:${name}`, (flags & MFD_ALLOW_SEALING) !== 0);
  return typeof file === 'number' ? file : install(task, file, (flags & MFD_CLOEXEC) !== 0);
}

export const tmpfsSyscalls: readonly SyscallEntry[] = [partial('memfd_create', sysMemfdCreate, 'no MFD_HUGETLB (ENODEV)')];
