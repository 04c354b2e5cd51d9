import { randomFillSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { O_CREAT, O_TRUNC, O_WRONLY } from '@sbx/abi';
import { MemoryFile, type PlatformProvider } from '@sbx/platform';
import { mountStandardFileSystems } from '../../src/fs/standard-mounts.js';
import { TmpfsSuperBlock } from '../../src/fs/tmpfs/tmpfs.js';
import { Credentials, HostClock, Kernel, ResourceLimits, spawnProcess } from '../../src/index.js';
import { IoBuffer } from '../../src/io/io-buffer.js';
import type { Task } from '../../src/task/task.js';
import { FileDescription } from '../../src/vfs/file-description.js';
import { platformProvider } from './platform.js';

const GiB = 2 ** 30;

/** What a test's program writes. */
export class Capture extends FileDescription {
  readonly pieces: Buffer[] = [];
  override write(_task: Task, io: IoBuffer): number {
    const bytes = Buffer.alloc(io.remaining);
    const n = io.get(bytes, 0, bytes.length);
    this.pieces.push(bytes.subarray(0, n));
    return io.result;
  }
  override read(): number {
    return 0;
  }
  /** As latin1. */
  get text(): string {
    return Buffer.concat(this.pieces).toString('latin1');
  }
  protected override release(): void {}
}

/** As whom and where a program runs, and where its output goes. Default: root, in the root directory, collected. */
export interface Who {
  uid?: number;
  gid?: number;
  cwd?: string;
  stdout?: Capture;
}

export interface Booted {
  kernel: Kernel;
  /** Copies a host file into the root. */
  put(path: string, from: string, mode?: number): void;
  run(argv: string[], env?: string[], who?: Who): Promise<{ status: number; stdout: string; stderr: string }>;
  shutdown(): void;
}

/** What all programs together may use. `memory`: bytes. */
export interface Limits {
  readonly tasks: number;
  readonly memory: number;
}

/** A kernel on a real platform (see platform.ts unless another is given) with an empty tmpfs as its root. */
export function boot(provider: PlatformProvider = platformProvider, limits: Limits = { tasks: 4096, memory: 1 * GiB }): Booted {
  const memory = MemoryFile.create({ name: 'application', limit: limits.memory });
  const kernelMemory = MemoryFile.create({ name: 'kernel', limit: 256 * 2 ** 20 });
  /** Of the programs that run: rejects their promises. */
  const onPanic = new Set<(error: Error) => void>();
  let kernel: Kernel | null = null;
  const platform = provider.create({ memory, kernelMemory, wake: () => kernel?.loop.schedule() });
  kernel = new Kernel({
    platform,
    clock: new HostClock(),
    limits,
    hostname: 'sbx',
    random: (bytes) => void randomFillSync(bytes),
    log: (line) => console.error(line),
    onPanic: (report) => {
      console.error(report);
      for (const reject of onPanic) reject(new Error(report));
    },
  });
  const booted = kernel;
  const { vfs } = booted;
  vfs.mountRoot(new TmpfsSuperBlock(booted, vfs.allocateDevice(), { mode: 0o755 }), 'tmpfs');
  const mounted = mountStandardFileSystems(booted, { cpuinfo: () => readFileSync('/proc/cpuinfo', 'latin1') });
  if (mounted < 0) throw new Error(`cannot mount /proc, /sys and /dev: ${mounted}`);
  const caller = vfs.kernelCaller;
  return {
    kernel: booted,
    put(path, from, mode = 0o755) {
      if (path.lastIndexOf('/') > 0) vfs.mkdirAll(caller, path.slice(0, path.lastIndexOf('/')), 0o755);
      const file = vfs.open(caller, path, O_CREAT | O_TRUNC | O_WRONLY, mode);
      if (typeof file === 'number') throw new Error(`cannot make ${path}: ${file}`);
      const task = { threadGroup: { limits: new ResourceLimits() }, credentials: Credentials.forUser(0, 0) } as unknown as Task;
      const bytes = readFileSync(from);
      for (let at = 0; at < bytes.length; ) {
        const io = new IoBuffer().setKernel(bytes.subarray(at));
        const n = file.write(task, io, at);
        if (typeof n !== 'number' || n <= 0) throw new Error(`cannot write ${path}: ${n}`);
        at += n;
      }
      file.decRef();
    },
    run(argv, env = ['PATH=/bin:/usr/bin'], who = {}) {
      const out = who.stdout ?? new Capture(1);
      const err = new Capture(1);
      const limits = ResourceLimits.standard(booted.limits.tasks);
      const group = spawnProcess(booted, {
        program: argv[0],
        argv,
        envp: env,
        cwd: who.cwd ?? '/',
        credentials: Credentials.forUser(who.uid ?? 0, who.gid ?? 0),
        files: [new Capture(0), out, err],
        searchPath: '/bin:/usr/bin',
        limits,
        umask: 0o022,
        terminal: null,
      });
      if (typeof group === 'number') return Promise.resolve({ status: group, stdout: '', stderr: '' });
      return new Promise((resolve, reject) => {
        // Node must not leave while programs wait for nothing but each other.
        const alive = setInterval(() => {}, 2 ** 30);
        const fail = (error: Error) => {
          clearInterval(alive);
          onPanic.delete(fail);
          reject(error);
        };
        onPanic.add(fail);
        group.onExit = () => {
          clearInterval(alive);
          onPanic.delete(fail);
          resolve({ status: group.exitStatus, stdout: out.text, stderr: err.text });
        };
      });
    },
    shutdown() {
      booted.loop.stop();
      platform.destroy();
    },
  };
}
