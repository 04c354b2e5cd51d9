import type { Vfs } from '../vfs/vfs.js';
import { memoryDriver } from './dev/memory-devices.js';
import { registerTerminals } from './dev/terminals.js';
import { devptsType } from './dev/tty/devpts.js';
import { installPipes } from './pipe/pipe-description.js';
import { tmpfsType } from './tmpfs/tmpfs.js';

/** Makes the file systems that every kernel has known to its VFS. Called once, before anything is mounted. */
export function installFileSystems(vfs: Vfs): void {
  installPipes(vfs);
  vfs.types.set(tmpfsType.name, tmpfsType);
  vfs.types.set(devptsType.name, devptsType);
  vfs.devices.registerCharacter(1, 0, 255, memoryDriver);
  registerTerminals(vfs.devices);
}
