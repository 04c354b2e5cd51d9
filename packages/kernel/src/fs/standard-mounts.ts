import { MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RELATIME } from '@sbx/abi';
import type { Kernel } from '../kernel.js';
import type { SuperBlock } from '../vfs/super-block.js';
import { DevFileSystem } from './dev/dev.js';
import { makeMountPoint } from './mount-point.js';
import { ProcFileSystem, type ProcOptions } from './proc/proc.js';
import { SysFileSystem } from './sys/sys.js';

/** What the standard file systems show. */
export interface StandardMountOptions extends ProcOptions {
  /** Bytes that /dev/shm may hold; default: half of the sandbox's memory. */
  readonly shmSize?: number;
}

/**
 * Mounts /proc, /sys, and /dev with /dev/pts and /dev/shm. The directories are made if they are missing (see `makeMountPoint`). /proc, /sys and /dev are
 * locked; what is on /dev hides nothing. 0, or -errno, which leaves what was mounted before.
 * See the example of {@link Kernel}.
 */
export function mountStandardFileSystems(kernel: Kernel, options: StandardMountOptions = {}): number {
  const careful = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME;
  const mounts: readonly (readonly [string, string, () => SuperBlock, number])[] = [
    ['/proc', 'proc', () => ProcFileSystem.create(kernel, options), careful],
    ['/sys', 'sysfs', () => SysFileSystem.create(kernel), careful],
    ['/dev', 'dev', () => DevFileSystem.create(kernel), MS_NOSUID | MS_RELATIME],
    ['/dev/pts', 'devpts', () => DevFileSystem.createPts(kernel), MS_NOSUID | MS_NOEXEC | MS_RELATIME],
    ['/dev/shm', 'shm', () => DevFileSystem.createShm(kernel, options.shmSize), MS_NOSUID | MS_NODEV | MS_RELATIME],
  ];
  const { vfs } = kernel;
  const caller = vfs.kernelCaller;
  for (const [path, source, create, flags] of mounts) {
    const made = makeMountPoint(caller, path, true);
    if (made < 0) return made;
    const mount = vfs.mountAt(caller, path, create(), source, flags);
    if (typeof mount === 'number') return mount;
    mount.locked = !path.startsWith('/dev/');
  }
  return 0;
}
