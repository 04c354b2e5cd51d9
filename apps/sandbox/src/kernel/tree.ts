import { readFileSync } from 'node:fs';
import { EEXIST, ENOTDIR, errnoMessage, MS_NODEV, MS_NOSUID, MS_RDONLY } from '@sbx/abi';
import {
  Credentials,
  type FileCaller,
  type FileInode,
  HostFileSystem,
  type Kernel,
  makeMountPoint,
  makeSymlink,
  makeTmpfsFile,
  mountStandardFileSystems,
  OverlayFileSystem,
  type SuperBlock,
  TmpfsSuperBlock,
} from '@sbx/kernel';
import { toByteString } from '../config/byte-string.js';
import type { MountStep } from '../config/mount-plan.js';
import { isWithin } from '../config/paths.js';
import type { OpenedSource, Prepared } from '../sentry/prepare.js';
import { SentryError } from '../sentry/sentry-error.js';
import { IDENTITY_DIRECTORY, identityFiles } from './identity.js';

/** How long what was seen of the host's system directories counts as current. */
const SYSTEM_CACHE_MS = 1000;

/** Makes the tree of files that programs see: the steps of the plan, in order. Throws a `SentryError` for a mount point that can't be made. */
export function mountTree(kernel: Kernel, prepared: Prepared): void {
  const tree = new Tree(kernel, prepared);
  for (const step of prepared.plan.steps) tree.take(step);
}

class Tree {
  /** The user, for what is made in the home directory. */
  #user: FileCaller | null = null;

  constructor(
    readonly kernel: Kernel,
    readonly prepared: Prepared,
  ) {}

  take(step: MountStep): void {
    switch (step.type) {
      case 'tmpfs': {
        const { vfs, limits } = this.kernel;
        const { mode, uid, gid } = step;
        const size = step.size ?? limits.memory / 2;
        this.#mount(
          step.target,
          new TmpfsSuperBlock(this.kernel, vfs.allocateDevice(), { mode, uid, gid, size }),
          'tmpfs',
          MS_NOSUID | MS_NODEV,
        );
        break;
      }
      case 'symlink':
        this.#symlink(step.target, step.to);
        break;
      case 'standard': {
        const result = mountStandardFileSystems(this.kernel, { cpuinfo: () => readFileSync(this.prepared.cpuinfo, 'latin1') });
        if (result < 0) throw cannot('mount /proc, /sys and /dev', result);
        break;
      }
      case 'host': {
        const source = this.prepared.sources.get(step);
        if (source !== undefined) this.#host(step, source);
        break;
      }
    }
  }

  /** A caller to whom what is made at `target` belongs: the user below the home directory, root elsewhere. */
  #caller(target: string): FileCaller {
    const { home, user } = this.prepared.config;
    const { kernelCaller } = this.kernel.vfs;
    if (home === '/' || target === home || !isWithin(target, home)) return kernelCaller;
    this.#user ??= { kernel: this.kernel, credentials: Credentials.forUser(user.uid, user.gid, user.groups), fs: kernelCaller.fs };
    return this.#user;
  }

  #mount(target: string, superBlock: SuperBlock, source: string, flags: number, isFile = false): void {
    const { vfs } = this.kernel;
    if (target === '/') {
      vfs.mountRoot(superBlock, source, flags);
      return;
    }
    const place = toByteString(target);
    const made = makeMountPoint(this.#caller(target), place, !isFile);
    const mounted = made < 0 ? made : vfs.mountAt(vfs.kernelCaller, place, superBlock, source, flags);
    if (mounted === -ENOTDIR && typeof vfs.resolve(vfs.kernelCaller, place) !== 'number')
      throw new SentryError(
        'ERR_SBX_MOUNT',
        `cannot mount on ${target}: it is ${isFile ? 'a directory, not a file' : 'a file, not a directory'}`,
      );
    if (typeof mounted === 'number') throw cannot(`mount on ${target}`, mounted);
    mounted.locked = true;
  }

  #symlink(target: string, to: string): void {
    const { vfs } = this.kernel;
    const caller = this.#caller(target);
    const slash = target.lastIndexOf('/');
    if (slash > 0) vfs.mkdirAll(caller, toByteString(target.slice(0, slash)), 0o755);
    const { root } = vfs.namespace;
    const result = makeSymlink(caller, root, root.root, toByteString(target), toByteString(to));
    if (result < 0 && result !== -EEXIST) throw cannot(`make ${target}`, result);
  }

  #host(step: MountStep & { type: 'host' }, source: OpenedSource): void {
    const writable = step.mode === 'rw';
    const system = HostFileSystem.create(this.kernel, {
      directoryFd: source.fd,
      readOnly: !writable,
      worldReadableOnly: step.publicOnly,
      cacheMs: step.publicOnly && step.mode === 'ro' ? SYSTEM_CACHE_MS : 0,
    });
    if (typeof system === 'number') throw cannot(`show ${step.source}`, system);
    const hidesIdentity = step.publicOnly && step.source === IDENTITY_DIRECTORY && !source.isFile;
    const shown = step.mode === 'overlay' ? this.#overlay(step, source, system, hidesIdentity) : system;
    if (hidesIdentity && shown === system) this.#showIdentity(system);
    const readOnly = step.mode === 'ro' ? MS_RDONLY : 0;
    this.#mount(step.target, shown, step.mode === 'overlay' ? 'overlay' : step.source, MS_NOSUID | MS_NODEV | readOnly, source.isFile);
  }

  /** Changes stay in memory; the top directory looks like the host's. */
  #overlay(
    { source: path }: MountStep & { type: 'host' },
    { mode, uid, gid }: OpenedSource,
    lower: SuperBlock,
    hidesIdentity: boolean,
  ): SuperBlock {
    const { vfs, limits } = this.kernel;
    const upper = new TmpfsSuperBlock(this.kernel, vfs.allocateDevice(), { mode, uid, gid, size: limits.memory / 2 });
    if (hidesIdentity) for (const file of this.#makeIdentity(upper)) file.inode.decRef();
    const overlay = OverlayFileSystem.create(this.kernel, { lowers: [lower], upper });
    if (typeof overlay === 'number') throw cannot(`show ${path} below an overlay`, overlay);
    return overlay;
  }

  #showIdentity(system: HostFileSystem): void {
    const files = new TmpfsSuperBlock(this.kernel, this.kernel.vfs.allocateDevice(), { mode: 0o755 });
    for (const { name, inode } of this.#makeIdentity(files)) system.show(name, inode);
  }

  #makeIdentity(place: TmpfsSuperBlock): { name: string; inode: FileInode }[] {
    return identityFiles(this.kernel).map(([name, contents]) => {
      const inode = makeTmpfsFile(place, name, contents);
      if (typeof inode === 'number') throw cannot(`make ${IDENTITY_DIRECTORY}/${name}`, inode);
      return { name, inode };
    });
  }
}

function cannot(what: string, result: number): SentryError {
  return new SentryError('ERR_SBX_MOUNT', `cannot ${what}: ${errnoMessage(result)}`);
}
