/** The kernel's clocks. Nanoseconds as numbers (exact to below 1 us until 2255 for realtime, exact for monotonic below 104 days). */
export interface Clock {
  /** CLOCK_MONOTONIC. Does not allocate. @hotpath */
  monotonic(): number;
  /** CLOCK_REALTIME, nanoseconds since 1970: beyond 2^53, so exact to 256 ns only; use `realtimeSeconds`/`realtimeNanoseconds` where it matters. */
  realtime(): number;
  /** Nanoseconds of CLOCK_BOOTTIME. */
  boottime(): number;
}
