import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { kvmProvider } from '@sbx/kvm-platform';
import { MemoryFile, type Platform, PlatformError, type PlatformProvider, PlatformRegistry } from '@sbx/platform';
import { systrapProvider } from '@sbx/systrap-platform';
import { mark } from '../boot/marks.js';
import type { Bundle, Runtime } from '../boot/runtime.js';
import type { SandboxConfig } from '../config/config.js';
import { type MountPlan, type MountStep, planMounts } from '../config/mount-plan.js';
import { hostPath } from '../config/paths.js';
import type { ProgramRequest } from '../config/program-plan.js';
import { measuredPlatform, rememberedPlatform } from './choose-platform.js';
import { SentryError } from './sentry-error.js';

declare const sbx: Runtime;

/** Memory of the kernel's own (page tables of ring 0) for each byte of the programs', and at least. */
const KERNEL_MEMORY_SHARE = 1 / 8;
const KERNEL_MEMORY_LEAST = 256 * 2 ** 20;

/** A directory or regular file of the host that was opened. */
export interface OpenedSource {
  readonly fd: number;
  readonly isFile: boolean;
  /** Permission bits and owner. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** Everything that the kernel needs of the host, opened before the seal: afterwards no path can be opened any more. */
export interface Prepared {
  readonly config: SandboxConfig;
  readonly plan: MountPlan;
  /** What was opened for the plan's host steps, by step. Steps that are optional and could not be opened are missing. */
  readonly sources: ReadonlyMap<MountStep, OpenedSource>;
  readonly platform: Platform;
  readonly memory: MemoryFile;
  /** What the platform calls from the event loop when it has an event; set by the kernel. */
  readonly wake: { call: () => void };
  /** What it calls with a line for people; set by the kernel. */
  readonly log: { call: (line: string) => void };
  /** /dev/null of the host. */
  readonly devNull: number;
  /** The host's /proc/cpuinfo. */
  readonly cpuinfo: number;
  /** Where system calls are written, or null. */
  readonly strace: number | null;
  /** The code of the kernel: run after the seal. */
  readonly kernel: Bundle;
}

/** Node's constants lack it. */
const O_PATH = 0o10000000;

export interface PrepareOptions {
  /** The program that is about to be run, if it is known: it has to be seen. */
  readonly program: ProgramRequest | null;
  /** A file for the system calls, '-' for stderr, or null. */
  readonly strace: string | null;
  /** Takes the coverage build of the kernel, which has /sys/kernel/debug/kcov. */
  readonly kcov: boolean;
  /** Whether the platform may rewrite call sites of programs. */
  readonly rewriteCallSites: boolean;
}

/** The platforms that this version has. */
export const PLATFORMS: readonly PlatformProvider[] = [kvmProvider, systrapProvider];
/** Names the platform that is taken where none is asked for, instead of the fastest. */
const DEFAULT_PLATFORM = 'SBX_PLATFORM';

/**
 * Opens what the configuration names and chooses the platform. Throws a `SentryError` that says what is wrong with the configuration or the machine.
 */
export function prepare(config: SandboxConfig, { program, strace, kcov, rewriteCallSites }: PrepareOptions): Prepared {
  const kernel = sbx.open(kcov ? 'kernel-kcov' : 'kernel');
  mark('kernel bundle compiled');
  const plan = planMounts(config, program);
  const sources = new Map<MountStep, OpenedSource>();
  for (const step of plan.steps) {
    if (step.type !== 'host') continue;
    const source = openSource(step);
    if (source !== null) sources.set(step, source);
  }
  mark('host directories opened');
  const memory = MemoryFile.create({ name: 'sbx-application', limit: config.limits.memory });
  const kernelLimit = Math.max(KERNEL_MEMORY_LEAST, config.limits.memory * KERNEL_MEMORY_SHARE);
  const kernelMemory = MemoryFile.create({ name: 'sbx-kernel', limit: kernelLimit });
  mark('memory files made');
  const wake = { call() {} };
  const log = { call(_line: string) {} };
  const platform = createPlatform(config.platform, {
    memory,
    kernelMemory,
    wake: () => wake.call(),
    log: (line) => log.call(line),
    rewriteCallSites,
  });
  mark('platform made');
  return {
    config,
    plan,
    sources,
    platform,
    memory,
    wake,
    log,
    devNull: openSync('/dev/null', 'r+'),
    cpuinfo: openSync('/proc/cpuinfo', 'r'),
    strace: strace === null ? null : openTrace(strace),
    kernel,
  };
}

/**
 * The platform called `choice`, or the fastest. Where there is only one candidate it is not measured first, for that takes as long as starting it.
 */
function createPlatform(asked: string, options: Parameters<PlatformProvider['create']>[0]): Platform {
  const choice = asked === 'auto' ? process.env[DEFAULT_PLATFORM] || 'auto' : asked;
  const candidates = PLATFORMS.filter(({ name }) => choice === 'auto' || name === choice);
  const create = (provider: PlatformProvider) => {
    const zygoteSocket = takeZygote(provider);
    return provider.create(zygoteSocket === null ? options : { ...options, zygoteSocket });
  };
  try {
    if (candidates.length === 1) return create(candidates[0]);
    if (choice !== 'auto') return create(new PlatformRegistry(PLATFORMS).select(choice).provider);
    const remembered = rememberedPlatform(PLATFORMS);
    try {
      if (remembered !== null) return create(remembered);
    } catch {
      // It worked when it was chosen.
    }
    return create(measuredPlatform(PLATFORMS));
  } catch (error) {
    if (error instanceof PlatformError && error.code === 'ERR_SBX_PLATFORM_UNKNOWN') throw new SentryError('ERR_SBX_OPTION', error.message);
    const names = candidates.map(({ name }) => `${name}: `).join('');
    const reason = error instanceof Error ? error.message : String(error);
    throw new SentryError('ERR_SBX_PLATFORM_UNUSABLE', `no usable platform (${names}${reason}); sbx platforms says more`);
  }
}

/** The socket to the zygote that the launcher made, if there is one and the platform needs it; else the zygote ends. */
function takeZygote(provider: PlatformProvider): number | null {
  const { SBX_ZYGOTE } = process.env;
  if (SBX_ZYGOTE === undefined) return null;
  delete process.env.SBX_ZYGOTE;
  const socket = Number(SBX_ZYGOTE);
  if (provider === systrapProvider) return socket;
  closeSync(socket);
  return null;
}

function openTrace(file: string): number {
  if (file === '-') return 2;
  try {
    return openSync(hostPath(file), 'w');
  } catch (error) {
    throw new SentryError('ERR_SBX_OPTION', `cannot write ${file}: ${describe(error)}`);
  }
}

/** Opens a directory or a regular file, for what the mount permits. Null when it may be missing and is. */
function openSource({ source, mode, optional }: MountStep & { type: 'host' }): OpenedSource | null {
  try {
    // Opens nothing that could block, whatever it is; a directory needs no more.
    const fd = openSync(hostPath(source), O_PATH);
    const stat = fstatSync(fd);
    const { uid, gid } = stat;
    const permissions = stat.mode & 0o7777;
    if (stat.isDirectory()) return { fd, isFile: false, mode: permissions, uid, gid };
    closeSync(fd);
    if (!stat.isFile())
      throw new SentryError('ERR_SBX_MOUNT', `cannot show ${source}: only directories and regular files of the host can be shown`);
    const { O_RDWR, O_RDONLY, O_NONBLOCK, O_NOCTTY } = constants;
    if (mode === 'overlay')
      throw new SentryError('ERR_SBX_MOUNT', `cannot show ${source} below an overlay: it is a file; overlays are for directories`);
    const file = openSync(hostPath(source), (mode === 'rw' ? O_RDWR : O_RDONLY) | O_NONBLOCK | O_NOCTTY);
    return { fd: file, isFile: true, mode: permissions, uid, gid };
  } catch (error) {
    if (error instanceof SentryError) throw error;
    if (optional) return null;
    throw new SentryError('ERR_SBX_MOUNT', `cannot show ${source}: ${describe(error)}`);
  }
}

function describe(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOENT':
      return 'no such file or directory';
    case 'EACCES':
      return 'permission denied';
    default:
      return code ?? String(error);
  }
}
