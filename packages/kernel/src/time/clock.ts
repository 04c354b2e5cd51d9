import { binding } from '../host/binding.js';

const NANOSECONDS = 1e9;
/** The offset of realtime is kept as long as it is right to this, and to the error of a measurement. */
const EXACT_NS = 10_000;

const { readMonotonic, readRealtimeOffset } = binding;
const times = new Float64Array(binding.times);
const MONOTONIC = 0;
const OFFSET_SECONDS = 1;
const OFFSET_NANOSECONDS = 2;
const OFFSET_ERROR = 3;

/**
 * The kernel's clocks. Times are numbers: nanoseconds of the monotonic clock stay exact for 104 days of uptime; realtime (nanoseconds since 1970 are beyond
 * 2^53) is given as whole seconds and nanoseconds.
 */
export interface Clock {
  /** CLOCK_MONOTONIC in nanoseconds. Does not allocate. @hotpath */
  monotonic(): number;
  /** Reads CLOCK_REALTIME into `seconds` and `nanoseconds`. @hotpath */
  readRealtime(): void;
  readonly seconds: number;
  readonly nanoseconds: number;
  /** Nanoseconds that CLOCK_BOOTTIME is ahead of CLOCK_MONOTONIC. */
  readonly boottimeOffset: number;
  /** What CLOCK_REALTIME is ahead of CLOCK_MONOTONIC: whole seconds, and nanoseconds that remain. */
  readonly realtimeOffsetSeconds: number;
  readonly realtimeOffsetNanoseconds: number;
  /** Whether these are the host's clocks, so that programs may read the TSC instead (vdso/). */
  readonly followsHost: boolean;
}

/**
 * The clocks of the host (clock_gettime(2)).
 *
 * @example
 * import { HostClock } from '@sbx/kernel';
 *
 * const clock = new HostClock();
 * const start = clock.monotonic();
 * clock.monotonic() >= start; // true
 * clock.readRealtime();
 * Math.abs(clock.seconds * 1000 + clock.nanoseconds / 1e6 - Date.now()) < 1000; // true
 */
export class HostClock implements Clock {
  seconds = 0;
  nanoseconds = 0;
  readonly boottimeOffset = 0;
  readonly followsHost = true;
  /** Realtime minus monotonic: whole seconds, and the nanoseconds that remain. Measured again when it is older than a second. */
  #offsetSeconds = 0;
  #offsetNanoseconds = 0;
  #measured = Number.NEGATIVE_INFINITY;

  get realtimeOffsetSeconds(): number {
    return this.#offsetSeconds;
  }
  get realtimeOffsetNanoseconds(): number {
    return this.#offsetNanoseconds;
  }

  monotonic(): number {
    readMonotonic();
    return times[MONOTONIC];
  }

  readRealtime(): void {
    const now = this.monotonic();
    if (now - this.#measured > NANOSECONDS) this.#measure(now);
    const total = (now % NANOSECONDS) + this.#offsetNanoseconds;
    const carry = total >= NANOSECONDS ? 1 : 0;
    this.seconds = Math.floor(now / NANOSECONDS) + this.#offsetSeconds + carry;
    this.nanoseconds = total - carry * NANOSECONDS;
  }

  /** Realtime jumps when somebody sets the host's clock, and not because a measurement was less exact. */
  #measure(now: number): void {
    this.#measured = now;
    readRealtimeOffset();
    const seconds = times[OFFSET_SECONDS];
    const nanoseconds = times[OFFSET_NANOSECONDS];
    const change = (seconds - this.#offsetSeconds) * NANOSECONDS + nanoseconds - this.#offsetNanoseconds;
    if (Math.abs(change) <= EXACT_NS + times[OFFSET_ERROR]) return;
    this.#offsetSeconds = seconds;
    this.#offsetNanoseconds = nanoseconds;
  }
}
