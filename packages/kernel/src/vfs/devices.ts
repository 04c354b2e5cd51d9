import { ENXIO, S_IFCHR, S_IFMT } from '@sbx/abi';
import { deviceMajor, deviceMinor } from './device-number.js';
import type { FileDescription } from './file-description.js';
import type { Caller, Inode } from './inode.js';

/** Opens a device: what a driver registers. */
export interface DeviceDriver {
  /** Name for /proc/devices. */
  readonly name: string;
  /** A description of the device, or -errno. `inode` is the special file that was opened (any file system's). */
  open(caller: Caller, inode: Inode, minor: number, flags: number): FileDescription | number;
}

interface Range {
  readonly major: number;
  readonly firstMinor: number;
  readonly lastMinor: number;
  readonly driver: DeviceDriver;
}

/** Which driver serves which device numbers: `mknod` files of any file system lead here. */
export class DeviceRegistry {
  readonly #character: Range[] = [];
  readonly #block: Range[] = [];

  registerCharacter(major: number, firstMinor: number, lastMinor: number, driver: DeviceDriver): void {
    this.#character.push({ major, firstMinor, lastMinor, driver });
  }
  registerBlock(major: number, firstMinor: number, lastMinor: number, driver: DeviceDriver): void {
    this.#block.push({ major, firstMinor, lastMinor, driver });
  }
  open(caller: Caller, inode: Inode, flags: number): FileDescription | number {
    const ranges = (inode.mode & S_IFMT) === S_IFCHR ? this.#character : this.#block;
    const major = deviceMajor(inode.rdev);
    const minor = deviceMinor(inode.rdev);
    for (const range of ranges) {
      if (range.major === major && minor >= range.firstMinor && minor <= range.lastMinor)
        return range.driver.open(caller, inode, minor, flags);
    }
    return -ENXIO;
  }
  /** Majors and names, for /proc/devices. */
  get characterDevices(): readonly { major: number; driver: DeviceDriver }[] {
    return this.#character;
  }
  get blockDevices(): readonly { major: number; driver: DeviceDriver }[] {
    return this.#block;
  }
}
