import { chmodSync, constants, mkdtempSync, openSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { MemoryFile } from '@sbx/platform';
import { HostFileSystem, type HostFileSystemOptions } from '../../src/fs/host/host-file-system.js';
import { HostServices } from '../../src/host/host-services.js';
import { mmSyscalls } from '../../src/mm/syscalls.js';
import { type Clock, HostClock } from '../../src/time/clock.js';
import { vfsSyscalls } from '../../src/vfs/syscalls.js';
import { TestSystem, type TestTask } from '../support/system.js';

/** A directory of the host, gone after the test. */
export class HostTree {
  readonly root = mkdtempSync(path.join(tmpdir(), 'sbx-host-'));
  constructor() {
    chmodSync(this.root, 0o755);
  }
  path(...names: string[]): string {
    return path.join(this.root, ...names);
  }
  /** A descriptor of the directory, or of `name` in it. */
  open(name = '.', flags = constants.O_RDONLY | constants.O_DIRECTORY): number {
    return openSync(this.path(name), flags);
  }
  dispose(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** A kernel with real application memory, on which host directories can be mounted. */
export class HostSystem extends TestSystem {
  declare readonly memory: MemoryFile;
  constructor() {
    super({ entries: [...vfsSyscalls, ...mmSyscalls], memory: MemoryFile.create({ name: 'host test', limit: 2 ** 28 }) });
    // Host files have the host's times, and are current for a time of the host's.
    (this.kernel as { clock: Clock }).clock = new HostClock();
  }
  get services(): HostServices {
    return HostServices.of(this.kernel);
  }
  /** Mounts a host directory at `target`, which is made. */
  mountHost(target: string, options: HostFileSystemOptions): HostFileSystem {
    const system = HostFileSystem.create(this.kernel, options);
    if (typeof system === 'number') throw new Error(`no host file system: ${system}`);
    this.vfs.mkdirAll(this.vfs.kernelCaller, target, 0o755);
    const mount = this.vfs.mountAt(this.vfs.kernelCaller, target, system, 'host');
    if (typeof mount === 'number') throw new Error(`cannot mount ${target}: ${mount}`);
    return system;
  }
}

/** Makes a system call that may wait for the host: its result. */
export async function call(task: TestTask, name: string, ...args: (number | string)[]): Promise<number> {
  let result = task.start(name, ...args);
  for (let tries = 0; result === null; tries++) {
    if (tries > 20_000) throw new Error(`${name} does not come back`);
    await new Promise((resolve) => setImmediate(resolve));
    task.system.run();
    if (task.blocking === null) result = task.result!;
  }
  return result;
}

/** Descriptors that this process has open. */
export function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}
