import type { Vfs } from '../vfs/vfs.js';
import { memoryDriver } from './dev/memory-devices.js';
import { registerTerminals } from './dev/terminals.js';
import { devptsType } from './dev/tty/devpts.js';
import { installPipes } from './pipe/pipe-description.js';
import { procType } from './proc/proc.js';
import { sysfsType } from './sys/sys.js';
import { tmpfsType } from './tmpfs/tmpfs.js';

/** Makes the file systems that every kernel has known to its VFS. Called once, before anything is mounted. */
export function installFileSystems(vfs: Vfs): void {
  installPipes(vfs);
  for (const type of [sysfsType, tmpfsType, procType, devptsType]) vfs.types.set(type.name, type);
  vfs.devices.registerCharacter(1, 0, 255, memoryDriver);
  registerTerminals(vfs.devices);
}
