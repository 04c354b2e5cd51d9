import { CAP_SYS_TTY_CONFIG, EIO, ENODEV, ENXIO, EPERM, O_NOCTTY } from '@sbx/abi';
import type { Kernel } from '../../kernel.js';
import { full, type SyscallEntry } from '../../syscalls/entry.js';
import type { DeviceDriver, DeviceRegistry } from '../../vfs/devices.js';
import { asTask } from '../pseudo/caller.js';
import { DevptsSuperBlock, openMaster, openTerminal, PTS_MAJOR, PTS_MAJORS } from './tty/devpts.js';
import { type Tty, terminalOf } from './tty/tty.js';
import { TtyDescription } from './tty/tty-description.js';

const terminalsOf = new WeakMap<Kernel, Terminals>();

/** What a kernel knows of terminals as a whole. */
export class Terminals {
  /** The instance of devpts that /dev/pts shows, and in which /dev/ptmx makes terminals. */
  readonly devpts: DevptsSuperBlock;
  /** What /dev/console is, or null. */
  console: Tty | null = null;

  private constructor(kernel: Kernel) {
    this.devpts = new DevptsSuperBlock(kernel, kernel.vfs.allocateDevice(), { gid: 5, mode: 0o620 });
  }

  /** The terminals of `kernel`, made at the first call. */
  static of(kernel: Kernel): Terminals {
    let terminals = terminalsOf.get(kernel);
    if (terminals === undefined) terminalsOf.set(kernel, (terminals = new Terminals(kernel)));
    return terminals;
  }
}

/** /dev/tty: the controlling terminal of whoever opens it. */
const controllingDriver: DeviceDriver = {
  name: '/dev/tty',
  open(caller, _inode, _minor, flags) {
    const task = asTask(caller);
    const tty = task === null ? null : terminalOf(task.threadGroup);
    return tty === null ? -ENXIO : new TtyDescription(flags & ~O_NOCTTY, tty);
  },
};

/** /dev/console. Opening it gives nobody a controlling terminal. */
const consoleDriver: DeviceDriver = {
  name: '/dev/console',
  open(caller, _inode, _minor, flags) {
    const { console } = Terminals.of(caller.kernel);
    if (console === null) return -ENODEV;
    return console.line.closed ? -EIO : new TtyDescription(flags & ~O_NOCTTY, console);
  },
};

const masterDriver: DeviceDriver = {
  name: '/dev/ptmx',
  open(caller, inode, _minor, flags) {
    const { superBlock } = inode;
    const devpts = superBlock instanceof DevptsSuperBlock ? superBlock : Terminals.of(caller.kernel).devpts;
    return openMaster(caller, devpts, flags & ~O_NOCTTY);
  },
};

const terminalDriver: DeviceDriver = {
  name: 'pts',
  open: (caller, inode, _minor, flags) => openTerminal(caller, inode, flags),
};

/** Makes the terminal devices known. */
export function registerTerminals(devices: DeviceRegistry): void {
  devices.registerCharacter(5, 0, 0, controllingDriver);
  devices.registerCharacter(5, 1, 1, consoleDriver);
  devices.registerCharacter(5, 2, 2, masterDriver);
  for (let i = 0; i < PTS_MAJORS; i++) devices.registerCharacter(PTS_MAJOR + i, 0, 255, terminalDriver);
}

export const terminalSyscalls: readonly SyscallEntry[] = [
  full('vhangup', (task) => {
    if (!task.credentials.capable(CAP_SYS_TTY_CONFIG)) return -EPERM;
    terminalOf(task.threadGroup)?.hangUp();
    return 0;
  }),
];
