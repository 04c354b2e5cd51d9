import {
  RLIMIT_CORE,
  RLIMIT_MEMLOCK,
  RLIMIT_MSGQUEUE,
  RLIMIT_NICE,
  RLIMIT_NOFILE,
  RLIMIT_NPROC,
  RLIMIT_RTPRIO,
  RLIMIT_STACK,
} from '@sbx/abi';
import { HostClock, Kernel, ResourceLimits } from '@sbx/kernel';
import { mark } from '../boot/marks.js';
import { toByteString } from '../config/byte-string.js';
import type { LimitsConfig } from '../config/config.js';
import type { Prepared } from '../sentry/prepare.js';
import { fillRandomly } from './random.js';
import { mountTree } from './tree.js';

const MiB = 2 ** 20;

/** What the kernel tells whoever assembled it. */
export interface KernelEvents {
  /** A line for people. */
  readonly log: (line: string) => void;
  /** Our own bug: the kernel can't go on. */
  readonly onPanic: (report: string) => void;
}

/** Builds the kernel and its tree of files from what was opened before the seal. */
export function assemble(prepared: Prepared, events: KernelEvents): Kernel {
  const { config, platform, wake, log } = prepared;
  const kernel = new Kernel({
    platform,
    clock: new HostClock(),
    limits: { tasks: config.limits.tasks, memory: config.limits.memory },
    hostname: toByteString(config.hostname),
    random: fillRandomly,
    log: events.log,
    onPanic: events.onPanic,
  });
  wake.call = () => kernel.loop.schedule();
  log.call = events.log;
  mark('kernel made');
  mountTree(kernel, prepared);
  mark('file systems mounted');
  return kernel;
}

/** What a program may use when it starts: Linux's defaults, where the configuration does not say more. */
export function initialLimits(limits: LimitsConfig): ResourceLimits {
  const unlimited = Number.POSITIVE_INFINITY;
  return new ResourceLimits()
    .set(RLIMIT_STACK, 8 * MiB, unlimited)
    .set(RLIMIT_CORE, 0, unlimited)
    .set(RLIMIT_NPROC, limits.tasks, limits.tasks)
    .set(RLIMIT_NOFILE, limits.openFilesSoft, limits.openFilesHard)
    .set(RLIMIT_MEMLOCK, 8 * MiB, 8 * MiB)
    .set(RLIMIT_MSGQUEUE, 819_200, 819_200)
    .set(RLIMIT_NICE, 0, 0)
    .set(RLIMIT_RTPRIO, 0, 0);
}
