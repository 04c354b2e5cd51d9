import { performance } from 'node:perf_hooks';
import { binding } from '../host/binding.js';

const NANOSECONDS = 1e9;

/** Where `readMonotonic` stores the time. */
const monotonicTime = new Float64Array(binding.monotonicTime);
const readMonotonic = binding.readMonotonic;

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

/** The clocks of the host. */
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
    return monotonicTime[0];
  }

  readRealtime(): void {
    const now = this.monotonic();
    if (now - this.#measured > NANOSECONDS) this.#measure(now);
    const total = (now % NANOSECONDS) + this.#offsetNanoseconds;
    const carry = total >= NANOSECONDS ? 1 : 0;
    this.seconds = Math.floor(now / NANOSECONDS) + this.#offsetSeconds + carry;
    this.nanoseconds = total - carry * NANOSECONDS;
  }

  /** Date.now() has milliseconds only: the offset is kept unless it is off by more than that, so that realtime does not jump about. */
  #measure(now: number): void {
    this.#measured = now;
    const wallMs = performance.timeOrigin + performance.now();
    const wall = Date.now();
    const ms = Math.abs(wall - wallMs) > 2 ? wall : wallMs;
    const seconds = Math.floor(ms / 1000);
    const nanoseconds = Math.floor((ms - seconds * 1000) * 1e6);
    let offset = nanoseconds - (now % NANOSECONDS);
    let offsetSeconds = seconds - Math.floor(now / NANOSECONDS);
    if (offset < 0) {
      offset += NANOSECONDS;
      offsetSeconds--;
    }
    const drift = Math.abs((offsetSeconds - this.#offsetSeconds) * NANOSECONDS + offset - this.#offsetNanoseconds);
    if (drift < 2e6) return;
    this.#offsetSeconds = offsetSeconds;
    this.#offsetNanoseconds = offset;
  }
}
