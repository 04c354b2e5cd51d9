import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { emulator } from './emulator.js';
import { VmError } from './errors.js';
import { findProgram, findVirtiofsd, missingPrograms } from './host-programs.js';
import { writeInitramfs } from './initramfs.js';
import { cachedKernel, type Kernel } from './kernel-cache.js';
import { hostMachine, type Machine } from './machine.js';

/** What to run in the VM and how. */
export interface VmOptions {
  /** Program and arguments; the program is looked up in PATH of `env`. */
  readonly command: readonly string[];
  /** The command's whole environment. Default: PATH, HOME, LANG and TERM. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default: the current directory. */
  readonly cwd?: string;
  readonly cpus?: number;
  readonly memoryMiB?: number;
  /** Seconds from the start of QEMU to its end. Default 600. */
  readonly timeout?: number;
  /** Host folders that the command may change; everything else it writes is lost with the VM. */
  readonly writable?: readonly string[];
  /** Default: empty. */
  readonly stdin?: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Gets the messages of the guest's firmware and kernel. Default: kept for error messages only. */
  readonly console?: Writable;
  /** Gives the command a terminal of this size on stdin and stdout, instead of three pipes. */
  readonly terminal?: readonly [rows: number, columns: number];
  /** Where kernels, and a newer QEMU, are kept. Default: `.cache/vm` of the repository. */
  readonly cacheFolder?: string;
  /** Fetches the newest kernel even if one is in the cache. */
  readonly refresh?: boolean;
  readonly signal?: AbortSignal;
}

const repository = fileURLToPath(new URL('../../..', import.meta.url));
/** The environment of a command that asks for no other. */
export const defaultEnv = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  LANG: 'C.UTF-8',
  TERM: 'dumb',
};
const keptConsole = 8 * 1024;

/** Why this host can't run the VM, or undefined if it can (a kernel may still have to be fetched). */
export function vmUnavailable(): string | undefined {
  const machine = hostMachine();
  if (!machine) return `no test VM for ${process.platform} ${process.arch} yet`;
  // As another user virtiofsd may not open root's files with O_NOATIME, as the guest's overlay asks.
  if (process.getuid?.() !== 0) return 'the test VM shares the files of this machine, which takes root: use sudo';
  return missingPrograms(machine);
}

/**
 * Boots a VM, runs one command in it and returns the command's exit status (128 + signal if a signal ended it).
 *
 * The guest's root is the host's whole file tree, read-only, under a file system in memory. The VM's memory, processes
 * and temporary files are gone when this returns, whatever happened.
 *
 * @throws VmError if the command could not be run or did not finish
 */
export async function runInVm(options: VmOptions): Promise<number> {
  const reason = vmUnavailable();
  const machine = hostMachine();
  if (reason || !machine) throw new VmError('UNSUPPORTED', reason ?? '');
  const cacheFolder = options.cacheFolder ?? path.join(repository, '.cache/vm');
  const kernel = await cachedKernel(machine, cacheFolder, options.refresh);
  const { program, warning } = await emulator(machine, cacheFolder);
  if (warning !== undefined) options.stderr.write(`vm: ${warning}\n`);
  const folder = mkdtempSync(path.join(tmpdir(), 'sbx-vm-'));
  const children: ChildProcess[] = [];
  const ports = new Ports(folder);
  try {
    return await boot(machine, program, kernel, folder, options, ports, children);
  } finally {
    for (const child of children) child.kill('SIGKILL');
    ports.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function boot(
  machine: Machine,
  program: string,
  kernel: Kernel,
  folder: string,
  options: VmOptions,
  ports: Ports,
  children: ChildProcess[],
) {
  // The guest mounts them while its root is elsewhere: absolute symbolic links would lead astray.
  const writable = (options.writable ?? []).map((name) => realpathSync(name));
  const initramfs = writeInitramfs(folder, findProgram('busybox') ?? '', kernel, {
    command: options.command,
    cwd: path.resolve(options.cwd ?? '.'),
    env: options.env ?? defaultEnv,
    writable,
    stdin: options.stdin !== undefined,
    terminal: options.terminal,
  });
  const share = await shareHostFiles(folder, children);

  let status = '';
  const streams = [
    ports.listen('status', (socket) => {
      socket.setEncoding('latin1').on('data', (text: string) => {
        status += text;
      });
    }),
  ];
  const pipeOut = (target: Writable) => (socket: Socket) => void socket.pipe(target, { end: false });
  const pipeIn = (socket: Socket) => {
    // The guest may go away before it has read everything.
    socket.on('error', () => {});
    options.stdin?.pipe(socket);
  };
  if (options.terminal) {
    streams.push(
      ports.listen('terminal', (socket) => {
        pipeIn(socket);
        pipeOut(options.stdout)(socket);
      }),
    );
  } else {
    streams.push(ports.listen('stdout', pipeOut(options.stdout)), ports.listen('stderr', pipeOut(options.stderr)));
    if (options.stdin) streams.push(ports.listen('stdin', pipeIn));
  }
  await ports.ready();

  const memory = `${options.memoryMiB ?? 3072}M`;
  const qemu = spawnBound(program, [
    ...machine.board,
    ...['-smp', String(options.cpus ?? 2), '-m', memory],
    // virtiofsd is another process and reads and writes the guest's memory.
    ...['-object', `memory-backend-memfd,id=memory,size=${memory},share=on`, '-numa', 'node,memdev=memory'],
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-monitor', 'none', '-serial', 'stdio'],
    ...['-kernel', kernel.image, '-initrd', initramfs, '-append', `console=${machine.console} panic=-1 quiet`],
    ...['-chardev', `socket,id=host,path=${share}`, '-device', 'vhost-user-fs-pci,chardev=host,tag=host'],
    ...['-device', 'virtio-rng-pci', '-device', 'virtio-serial-pci'],
    ...ports.qemuOptions(),
  ]);
  children.push(qemu);

  let console = '';
  const onConsole = (data: Buffer) => {
    console = (console + data.toString('latin1')).slice(-keptConsole);
    options.console?.write(data);
  };
  qemu.stdout?.on('data', onConsole);
  qemu.stderr?.on('data', onConsole);

  let ended: VmError | undefined;
  const stop = (code: 'TIMEOUT' | 'VM_DIED', message: string) => {
    ended ??= new VmError(code, message);
    qemu.kill('SIGKILL');
  };
  const seconds = options.timeout ?? 600;
  const timer = setTimeout(() => stop('TIMEOUT', `the VM was stopped after ${seconds} s`), seconds * 1000);
  const onAbort = () => stop('VM_DIED', 'the VM was stopped by its caller');
  options.signal?.addEventListener('abort', onAbort);
  if (options.signal?.aborted) onAbort();
  try {
    await new Promise<void>((resolve, reject) => {
      qemu.on('close', () => resolve());
      qemu.on('error', reject);
    });
    // QEMU's end closes the sockets; what they still hold is passed on first. A port that QEMU never opened has nothing.
    ports.close();
    await Promise.all(streams);
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', onAbort);
  }
  const report = /^exit (\d+)$/m.exec(status);
  for (const [, line] of status.matchAll(/^kernel (.*)$/gm)) options.stderr.write(`vm: kernel: ${line}\n`);
  if (report) return Number(report[1]);
  throw ended ?? new VmError('VM_DIED', `the VM ended without an exit status; its console ends with:\n${console.trim()}`);
}

/**
 * Starts virtiofsd for the host's root and returns its socket. It runs in a mount namespace of its own with an empty
 * /run, where it keeps its pid file.
 */
async function shareHostFiles(folder: string, children: ChildProcess[]): Promise<string> {
  const socket = path.join(folder, 'host.sock');
  const program = findVirtiofsd() ?? '';
  const rust = !program.includes('/qemu/');
  const flags = rust
    ? ['--shared-dir', '/', '--cache', 'always', '--sandbox', 'chroot', '--xattr', '--log-level', 'error']
    : ['-f', '-o', 'source=/,cache=always,sandbox=chroot,xattr,no_posix_lock,log_level=err'];
  const script = 'mount -t tmpfs tmpfs /run && exec "$0" "$@"';
  const child = spawnBound('unshare', ['-m', 'sh', '-c', script, program, `--socket-path=${socket}`, ...flags]);
  children.push(child);
  let output = '';
  child.stderr?.on('data', (data) => {
    output += data;
  });
  for (let tries = 0; tries < 200; tries++) {
    if (existsSync(socket)) return socket;
    if (child.exitCode !== null) break;
    await sleep(25);
  }
  throw new VmError('UNSUPPORTED', `virtiofsd did not start: ${output.trim()}`);
}

/** Spawns a program that dies when this process does. */
function spawnBound(program: string, args: readonly string[]): ChildProcess {
  return spawn('setpriv', ['--pdeathsig', 'KILL', program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
}

/** The virtio ports of the guest: unix sockets on this side, to which QEMU connects. */
class Ports {
  readonly #folder: string;
  readonly #servers = new Map<string, ReturnType<typeof createServer>>();
  readonly #closers: (() => void)[] = [];

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Adds a port. The promise settles when the other side has closed it, or never opened it until `close`. */
  listen(name: string, onConnect: (socket: Socket) => void): Promise<void> {
    return new Promise((resolve) => {
      let connected = false;
      const server = createServer((socket) => {
        connected = true;
        socket.on('close', () => resolve());
        onConnect(socket);
        server.close();
      });
      server.listen(this.#path(name));
      this.#servers.set(name, server);
      this.#closers.push(() => {
        server.close();
        if (!connected) resolve();
      });
    });
  }

  /** Waits until QEMU can connect. */
  async ready(): Promise<void> {
    for (const server of this.#servers.values()) {
      if (!server.listening) await new Promise((resolve, reject) => server.once('listening', resolve).once('error', reject));
    }
  }

  qemuOptions(): string[] {
    return [...this.#servers.keys()].flatMap((name) => [
      ...['-chardev', `socket,id=${name},path=${this.#path(name)}`],
      ...['-device', name === 'terminal' ? 'virtconsole,chardev=terminal' : `virtserialport,chardev=${name},name=sbx.${name}`],
    ]);
  }

  close(): void {
    for (const closer of this.#closers) closer();
  }

  #path(name: string): string {
    return path.join(this.#folder, `${name}.sock`);
  }
}
