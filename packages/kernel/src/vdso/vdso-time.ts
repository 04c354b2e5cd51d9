import { binding } from '../host/binding.js';
import type { Clock } from '../time/clock.js';
import { VVAR_FIELDS, VVAR_MODE_SYSTEM_CALLS, VVAR_MODE_TSC } from './vvar-layout.js';

const TWO_32 = 2 ** 32;
const MILLISECOND = 1e6;
/** The parameters are refreshed this often, once the TSC's rate is known well; before that, more often. */
const INTERVAL = 100 * MILLISECOND;
const FIRST_INTERVAL = 10 * MILLISECOND;
/** The rate is measured over at least this time before programs may use it, and over at most so much. */
const LEAST_BASELINE = 20 * MILLISECOND;
const MOST_BASELINE = 10_000 * MILLISECOND;
/** A prediction that is off by more than this much (nanoseconds for each 100 ms) shows that the TSC is not to be trusted. */
const WILD = 20_000;
/** So often in a row, and programs make system calls for good. */
const MAX_WILD = 5;

const WORDS = {
  sequence: VVAR_FIELDS.sequence / 4,
  mode: VVAR_FIELDS.mode / 4,
  tsc: VVAR_FIELDS.tsc / 4,
  multiplier: VVAR_FIELDS.multiplier / 4,
  monotonic: VVAR_FIELDS.monotonic / 4,
  realSeconds: VVAR_FIELDS.realSeconds / 4,
  realNanoseconds: VVAR_FIELDS.realNanoseconds / 4,
  boottimeOffset: VVAR_FIELDS.boottimeOffset / 4,
};

/**
 * Keeps the vDSO's parameter page in step with the kernel's clock.
 *
 * Between two refreshes programs extrapolate from the TSC. At a refresh the new parameters begin where the old ones have got to, or ahead of it, never
 * before: time does not run backwards. If programs were ahead of the clock, the rate is a little lower until the next refresh, so that they meet again.
 */
export class VdsoTime {
  /** Monotonic nanoseconds at which `refresh` has something to do. */
  nextRefresh = 0;

  readonly #page: Int32Array;
  readonly #clock: Clock;
  readonly #sample = new Uint32Array(4);
  /** What the kernel's clock shows more than the host's CLOCK_MONOTONIC does: constant. */
  #bias = 0;
  /** First of the pairs over which the rate is measured. */
  #startTscLow = 0;
  #startTscHigh = 0;
  #startTime = 0;
  /** What the page says now. */
  #baseTscLow = 0;
  #baseTscHigh = 0;
  #baseTime = 0;
  #multiplier = 0;
  #wild = 0;
  #off = false;

  /** @param page - the parameter page, shared with programs, which can only read it */
  constructor(page: Int32Array, clock: Clock) {
    this.#page = page;
    this.#clock = clock;
    if (!clock.followsHost || !this.#read()) this.#stop();
    else this.#measureBias();
  }

  /** Whether programs read the TSC now. */
  get isActive(): boolean {
    return this.#page[WORDS.mode] === VVAR_MODE_TSC;
  }

  #read(): boolean {
    return binding.tscSample(this.#sample);
  }
  get #sampleTime(): number {
    return this.#sample[3] * TWO_32 + this.#sample[2] + this.#bias;
  }

  /** The host's clock and ours differ by how ours was set up; found to a fraction of the time that looking at both takes. */
  #measureBias(): void {
    let best = Number.POSITIVE_INFINITY;
    let bias = 0;
    for (let i = 0; i < 20; i++) {
      const before = this.#clock.monotonic();
      this.#read();
      const after = this.#clock.monotonic();
      if (after - before >= best) continue;
      best = after - before;
      bias = (before + after) / 2 - (this.#sample[3] * TWO_32 + this.#sample[2]);
    }
    this.#bias = Math.round(bias);
    this.#restart();
  }

  #restart(): void {
    this.#startTscLow = this.#sample[0];
    this.#startTscHigh = this.#sample[1];
    this.#startTime = this.#sampleTime;
    this.nextRefresh = this.#startTime + LEAST_BASELINE;
  }

  /** Programs make system calls from now on. */
  #stop(): void {
    this.#off = true;
    this.nextRefresh = Number.POSITIVE_INFINITY;
    Atomics.store(this.#page, WORDS.mode, VVAR_MODE_SYSTEM_CALLS);
  }

  /** Brings the page up to date. Called by the run loop when the monotonic clock has reached `nextRefresh`. */
  refresh(): void {
    if (this.#off) return;
    this.#read();
    // Not by destructuring, which makes an iterator.
    const low = this.#sample[0];
    const high = this.#sample[1];
    const now = this.#sampleTime;
    const baseline = now - this.#startTime;
    const ticks = (high - this.#startTscHigh) * TWO_32 + (low - this.#startTscLow);
    if (baseline < LEAST_BASELINE || ticks <= 0) {
      this.nextRefresh = now + FIRST_INTERVAL;
      return;
    }
    const interval = Math.min(INTERVAL, Math.max(FIRST_INTERVAL, baseline / 4));
    let rate = (baseline * TWO_32) / ticks;
    let time = now;
    if (this.isActive) {
      const shown = this.#shownAt(low, high);
      const ahead = shown - now;
      if (Math.abs(ahead) > WILD * Math.max(1, (now - this.#baseTime) / INTERVAL)) {
        if (++this.#wild === MAX_WILD) {
          this.#stop();
          return;
        }
      } else this.#wild = 0;
      if (ahead > 0) {
        time = shown;
        rate *= Math.max(0.5, 1 - ahead / interval);
      }
    }
    this.#publish(low, high, time, Math.floor(rate));
    this.nextRefresh = now + interval;
    // The rate of the host's clock changes a little over the hours: only the last seconds count.
    if (baseline > MOST_BASELINE) {
      const next = this.nextRefresh;
      this.#halveBaseline(low, high, now);
      this.nextRefresh = next;
    }
  }

  /** What programs see at a TSC, rounded up beyond any doubt. */
  #shownAt(low: number, high: number): number {
    const ticks = (high - this.#baseTscHigh) * TWO_32 + (low - this.#baseTscLow);
    return this.#baseTime + Math.ceil((Math.max(ticks, 0) * this.#multiplier) / TWO_32) + 1;
  }

  /** Moves the start of the measurement half the way to now, on the line between. */
  #halveBaseline(low: number, high: number, now: number): void {
    const ticks = (high - this.#startTscHigh) * TWO_32 + (low - this.#startTscLow);
    const half = Math.floor(ticks / 2);
    const start = this.#startTscLow + half;
    this.#startTscHigh += Math.floor(start / TWO_32);
    this.#startTscLow = start % TWO_32;
    this.#startTime += ((now - this.#startTime) * half) / ticks;
  }

  #publish(low: number, high: number, time: number, multiplier: number): void {
    this.#baseTscLow = low;
    this.#baseTscHigh = high;
    this.#baseTime = time;
    this.#multiplier = multiplier;
    const clock = this.#clock;
    // The offset to realtime is looked at now and then by the clock itself.
    clock.readRealtime();
    const wholeSeconds = Math.floor(time / 1e9);
    const nanoseconds = time - wholeSeconds * 1e9 + clock.realtimeOffsetNanoseconds;
    const page = this.#page;
    const sequence = page[WORDS.sequence];
    Atomics.store(page, WORDS.sequence, sequence + 1);
    page[WORDS.tsc] = low;
    page[WORDS.tsc + 1] = high;
    put(page, WORDS.multiplier, multiplier);
    put(page, WORDS.monotonic, time);
    put(page, WORDS.realSeconds, wholeSeconds + clock.realtimeOffsetSeconds);
    put(page, WORDS.realNanoseconds, nanoseconds);
    put(page, WORDS.boottimeOffset, clock.boottimeOffset);
    page[WORDS.mode] = VVAR_MODE_TSC;
    Atomics.store(page, WORDS.sequence, sequence + 2);
  }
}

/** Stores a whole number in two words. */
function put(page: Int32Array, word: number, value: number): void {
  const high = Math.floor(value / TWO_32);
  page[word] = value - high * TWO_32;
  page[word + 1] = high;
}
