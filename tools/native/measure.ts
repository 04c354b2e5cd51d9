/** Nanoseconds per operation: the median and the 95th percentile over samples. */
export interface Measurement {
  median: number;
  p95: number;
}

/**
 * Times `batch(n)`, which does its operation n times, in `samples` batches of about `milliseconds` each, after one to warm up.
 * Whole batches are timed because one operation is shorter than the clock's resolution.
 */
export function measure(batch: (n: number) => void, samples = 21, milliseconds = 10): Measurement {
  let n = 1;
  for (let elapsed = time(batch, n); elapsed < milliseconds * 1e6; elapsed = time(batch, n)) {
    n = Math.ceil(n * Math.min(10, Math.max(1.2, (milliseconds * 1.1e6) / elapsed)));
  }
  return summarize(Array.from({ length: samples }, () => time(batch, n) / n));
}

/**
 * Nanoseconds of `rounds` calls of `body`, which gets the round's number, without those of the first quarter. With `repeat` a round is so many calls, and its time
 * their mean.
 */
export function sample(body: (round: number) => void, rounds = 4000, repeat = 1): number[] {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const start = process.hrtime.bigint();
    for (let k = 0; k < repeat; k++) body(round);
    times.push(Number(process.hrtime.bigint() - start) / repeat);
  }
  return times.slice(rounds >> 2);
}

export function summarize(values: number[]): Measurement {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (quantile: number) => sorted[Math.min(sorted.length - 1, Math.floor(quantile * sorted.length))] as number;
  return { median: at(0.5), p95: at(0.95) };
}

function time(batch: (n: number) => void, n: number): number {
  const start = process.hrtime.bigint();
  batch(n);
  return Number(process.hrtime.bigint() - start);
}
