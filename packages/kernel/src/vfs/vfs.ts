import { ANON_INODE_FS_MAGIC, EEXIST, ENOENT, ENOTDIR, MS_RELATIME, PIPEFS_MAGIC, SOCKFS_MAGIC } from '@sbx/abi';
import { Credentials } from '../auth/credentials.js';
import type { Kernel } from '../kernel.js';
import type { WaitQueue } from '../wait/wait-queue.js';
import { AnonymousSuperBlock } from './anonymous.js';
import { type Dentry, DentryCache } from './dentry.js';
import { makeDevice } from './device-number.js';
import { DeviceRegistry } from './devices.js';
import { makeDirectory } from './directory-operations.js';
import type { FileDescription } from './file-description.js';
import { FsContext } from './fs-context.js';
import type { Caller, Inode } from './inode.js';
import type { Mount } from './mount.js';
import { MountNamespace } from './mount-namespace.js';
import { openAt } from './open.js';
import { Path } from './path.js';
import { PathWalk, WALK_FOLLOW } from './path-walk.js';
import type { FileSystemType, SuperBlock } from './super-block.js';

/**
 * The virtual file system of a kernel: cache of names, mounts, path walking, devices and file-system types, and the operations on paths that the kernel
 * itself needs (loader, set-up of the root). System calls use the modules beside this one.
 */
export class Vfs {
  readonly cache = new DentryCache();
  readonly namespace = new MountNamespace();
  readonly walk = new PathWalk(this.cache, this.namespace);
  readonly devices = new DeviceRegistry();
  /** File-system types that mount(2) knows, by name. */
  readonly types = new Map<string, FileSystemType>();
  /** Set by an operation that answers PENDING: what to wait for. */
  pending: WaitQueue | null = null;
  /** The system call that is served starts over when an operation answers PENDING: only then may one do so. */
  mayPend = false;
  /** fs.protected_* of sysctl. */
  protectedSymlinks = true;
  protectedHardlinks = true;
  protectedFifos = 0;
  protectedRegular = 0;
  /** Where objects without a name live: eventfds and the like, pipes, sockets. */
  readonly anonymous: AnonymousSuperBlock;
  readonly pipefs: AnonymousSuperBlock;
  readonly sockfs: AnonymousSuperBlock;
  /** Opens a fifo: set by fs/pipe. */
  openFifo: (inode: Inode, flags: number) => FileDescription | number = () => -ENOENT;
  /** Inodes and names that live in the kernel's heap on behalf of programs (tmpfs), and the most that all file systems together may have. */
  namesInUse = 0;
  maxNames = 400_000;
  #nextDevice = 1;
  #nextCookie = 0;
  #kernelCaller: Caller | null = null;

  constructor(readonly kernel: Kernel) {
    this.anonymous = this.#internal('anon_inodefs', ANON_INODE_FS_MAGIC);
    this.pipefs = this.#internal('pipefs', PIPEFS_MAGIC);
    this.sockfs = this.#internal('sockfs', SOCKFS_MAGIC);
  }

  #internal(type: string, magic: number): AnonymousSuperBlock {
    const superBlock = new AnonymousSuperBlock(this.kernel, this.allocateDevice(), type, magic);
    superBlock.mount = this.mountInternally(superBlock);
    return superBlock;
  }

  /** A mount that is in no tree: for what only the kernel uses. */
  mountInternally(superBlock: SuperBlock): Mount {
    return this.namespace.newMount(superBlock, this.rootOf(superBlock), 0, 'none');
  }

  /** Stands in for the place of descriptions that have none. */
  get anonymousMount(): Mount {
    return this.anonymous.mount;
  }

  /** The one inode behind eventfds, epoll instances and the like. */
  get anonymousInode(): Inode {
    return this.anonymous.root;
  }

  /** A device number for a file system without a device (0:N). */
  allocateDevice(): number {
    return makeDevice(0, this.#nextDevice++);
  }
  /** Connects the two events of a rename. */
  nextRenameCookie(): number {
    this.#nextCookie = (this.#nextCookie + 1) >>> 0 || 1;
    return this.#nextCookie;
  }

  /** The dentry at the root of a file system: one, however often it is mounted. */
  rootOf(superBlock: SuperBlock): Dentry {
    if (superBlock.rootDentry === null) {
      superBlock.root.incRef();
      superBlock.rootDentry = this.cache.makeRoot(superBlock.root);
    }
    return superBlock.rootDentry;
  }

  /** Mounts the root of the tree. Once, before anything else. */
  mountRoot(superBlock: SuperBlock, source: string, flags = MS_RELATIME): Mount {
    const mount = this.namespace.newMount(superBlock, this.rootOf(superBlock), flags, source);
    this.namespace.setRoot(mount);
    return mount;
  }

  /** Mounts a file system on the directory (or, for one whose root is a file, the file) `path`. The mount or -errno: -ENOTDIR when the two are not of a kind. */
  mountAt(caller: Caller, path: string, superBlock: SuperBlock, source: string, flags = MS_RELATIME): Mount | number {
    const place = this.resolve(caller, path);
    if (typeof place === 'number') return place;
    if (place.dentry.inode!.isDirectory !== superBlock.root.isDirectory) return -ENOTDIR;
    const mount = this.namespace.newMount(superBlock, this.rootOf(superBlock), flags, source);
    this.namespace.attach(mount, place.mount, place.dentry);
    return mount;
  }

  /** The kernel itself as a caller: root with all capabilities, at the root of the tree. */
  get kernelCaller(): Caller {
    if (this.#kernelCaller === null) {
      const root = this.namespace.root;
      const fs = new FsContext(root, root.root);
      fs.umask = 0;
      this.#kernelCaller = { kernel: this.kernel, credentials: Credentials.forUser(0, 0), fs };
    }
    return this.#kernelCaller;
  }

  /** A new context at the root of the tree, for the first process. */
  newFsContext(): FsContext {
    const root = this.namespace.root;
    return new FsContext(root, root.root);
  }

  /** What `path` (byte string, relative to the working directory) names, or -errno. Symlinks are followed unless `flags` lacks WALK_FOLLOW. */
  resolve(caller: Caller, path: string, flags = WALK_FOLLOW): Path | number {
    if (path.length === 0) return -ENOENT;
    const { walk } = this;
    const result = walk.start(caller.fs.cwdMount, caller.fs.cwdDentry).lookup(caller, path, flags);
    return result < 0 ? result : new Path(walk.mount, walk.dentry);
  }

  /** open(2) for the kernel. The description has one reference, the caller's. */
  open(caller: Caller, path: string, flags: number, mode = 0): FileDescription | number {
    if (path.length === 0) return -ENOENT;
    return openAt(caller, caller.fs.cwdMount, caller.fs.cwdDentry, path, flags, mode, 0);
  }

  /** Makes the directory `path` and those above it that are missing. 0 or -errno. */
  mkdirAll(caller: Caller, path: string, mode: number): number {
    for (let end = path.indexOf('/', 1); ; end = path.indexOf('/', end + 1)) {
      const part = end < 0 ? path : path.substring(0, end);
      const result = makeDirectory(caller, caller.fs.cwdMount, caller.fs.cwdDentry, part, mode);
      if (result < 0 && result !== -EEXIST) return result;
      if (end < 0) return 0;
    }
  }
}
