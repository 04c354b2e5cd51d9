import type { Vfs } from '../vfs/vfs.js';
import { installPipes } from './pipe/pipe-description.js';
import { tmpfsType } from './tmpfs/tmpfs.js';

/** Makes the file systems that every kernel has known to its VFS. Called once, before anything is mounted. */
export function installFileSystems(vfs: Vfs): void {
  installPipes(vfs);
  vfs.types.set(tmpfsType.name, tmpfsType);
}
