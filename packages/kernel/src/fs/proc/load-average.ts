import type { Kernel } from '../../kernel.js';

/** The periods of the three averages, in nanoseconds. */
const PERIODS = [60e9, 300e9, 900e9];

class LoadState {
  readonly averages = [0, 0, 0];
  lastTime: number;
  lastWork = 0;
  constructor(now: number) {
    this.lastTime = now;
  }
}
const states = new WeakMap<Kernel, LoadState>();

/**
 * The load averages over 1, 5 and 15 minutes. Linux samples the number of running tasks every five seconds; an idle sandbox must not wake the host's CPU
 * for that, so the average number between two readings is taken from the CPU time that was spent: the same for tasks that find a free CPU.
 * @param work - CPU time of everything so far, in nanoseconds
 */
export function loadAverages(kernel: Kernel, work: number): readonly number[] {
  const now = kernel.clock.monotonic();
  let state = states.get(kernel);
  if (state === undefined) states.set(kernel, (state = new LoadState(kernel.startTime)));
  const elapsed = now - state.lastTime;
  if (elapsed <= 0) return state.averages;
  const running = Math.max(0, work - state.lastWork) / elapsed;
  for (let i = 0; i < PERIODS.length; i++) {
    const decay = Math.exp(-elapsed / PERIODS[i]);
    state.averages[i] = state.averages[i] * decay + running * (1 - decay);
  }
  state.lastTime = now;
  state.lastWork = work;
  return state.averages;
}
