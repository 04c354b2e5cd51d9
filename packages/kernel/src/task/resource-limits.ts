import {
  RLIMIT_CORE,
  RLIMIT_MEMLOCK,
  RLIMIT_MSGQUEUE,
  RLIMIT_NICE,
  RLIMIT_NOFILE,
  RLIMIT_NPROC,
  RLIMIT_RTPRIO,
  RLIMIT_SIGPENDING,
  RLIMIT_STACK,
} from '@sbx/abi';

const MiB = 2 ** 20;
const NEVER = Number.POSITIVE_INFINITY;

/**
 * Resource limits by RLIMIT_* number, in the units of getrlimit(2); RLIM_INFINITY is Infinity, which all are at first. Shared by the threads of a process, copied
 * by fork.
 *
 * @example
 * import { RLIMIT_CPU, RLIMIT_NOFILE } from '@sbx/abi';
 * import { ResourceLimits } from '@sbx/kernel';
 *
 * const limits = ResourceLimits.standard(64).set(RLIMIT_NOFILE, 16, 32);
 * limits.soft[RLIMIT_NOFILE]; // 16
 * limits.hard[RLIMIT_NOFILE]; // 32
 * limits.soft[RLIMIT_CPU] === Infinity; // true
 */
export class ResourceLimits {
  /** What is enforced, by RLIMIT_* number. */
  readonly soft: Float64Array;
  /** What a process may raise the soft limit to, by RLIMIT_* number. */
  readonly hard: Float64Array;
  constructor(from?: ResourceLimits) {
    this.soft = new Float64Array(16).fill(Number.POSITIVE_INFINITY);
    this.hard = new Float64Array(16).fill(Number.POSITIVE_INFINITY);
    if (from !== undefined) {
      this.soft.set(from.soft);
      this.hard.set(from.hard);
    }
  }

  /** What programs start with on Linux 6.1 (INIT_RLIMITS), in a sandbox of at most `tasks` threads; open files as most distributions set them. */
  static standard(tasks: number): ResourceLimits {
    return new ResourceLimits()
      .set(RLIMIT_STACK, 8 * MiB, NEVER)
      .set(RLIMIT_CORE, 0, NEVER)
      .set(RLIMIT_NPROC, tasks, tasks)
      .set(RLIMIT_NOFILE, 1024, 65536)
      .set(RLIMIT_MEMLOCK, 8 * MiB, 8 * MiB)
      .set(RLIMIT_SIGPENDING, tasks, tasks)
      .set(RLIMIT_MSGQUEUE, 819200, 819200)
      .set(RLIMIT_NICE, 0, 0)
      .set(RLIMIT_RTPRIO, 0, 0);
  }

  /** Sets both limits of a resource. */
  set(resource: number, soft: number, hard: number): this {
    this.soft[resource] = soft;
    this.hard[resource] = hard;
    return this;
  }
}
