import { EFAULT, EINVAL } from '@sbx/abi';
import type { Task } from '../task/task.js';

const NANOSECONDS = 1e9;
const TWO_32 = 2 ** 32;
const words = new Int32Array(4);
const bytes = new Uint8Array(words.buffer);

/** What the last successful read below found. */
export let seconds = 0;
export let nanoseconds = 0;
/** The same as nanoseconds; Infinity when it is beyond what a number holds exactly (104 days and more from now: nobody waits that long). */
export let duration = 0;

function high53(high: number): number {
  return high * TWO_32;
}

/** Reads and checks a `struct timespec`: 0, -EFAULT, or -EINVAL (negative, or nanoseconds not below 1e9). */
export function readTimespec(task: Task, address: number): number {
  if (task.mm.copyIn(address, bytes, 16) !== 16) return -EFAULT;
  return check(words[3] === 0 ? words[2] >>> 0 : NANOSECONDS);
}

/** Reads and checks a `struct timeval`: microseconds become nanoseconds. */
export function readTimeval(task: Task, address: number): number {
  if (task.mm.copyIn(address, bytes, 16) !== 16) return -EFAULT;
  return check(words[3] === 0 ? (words[2] >>> 0) * 1000 : NANOSECONDS);
}

/** As readTimeval, but a second or more of microseconds counts: select's timeout. */
export function readTimevalLoosely(task: Task, address: number): number {
  if (task.mm.copyIn(address, bytes, 16) !== 16) return -EFAULT;
  const micros = high53(words[3]) + (words[2] >>> 0);
  return check((micros % 1e6) * 1000, Math.floor(micros / 1e6));
}

function check(ns: number, carry = 0): number {
  if (words[1] < 0 || ns < 0 || ns >= NANOSECONDS) return -EINVAL;
  seconds = high53(words[1]) + (words[0] >>> 0) + carry;
  nanoseconds = ns;
  duration = seconds < 9e6 ? seconds * NANOSECONDS + ns : Number.POSITIVE_INFINITY;
  return 0;
}

/** Writes a `struct timespec`: 0 or -EFAULT. */
export function writeTimespec(task: Task, address: number, s: number, ns: number): number {
  words[0] = s % TWO_32;
  words[1] = Math.floor(s / TWO_32);
  words[2] = ns;
  words[3] = 0;
  return task.mm.copyOut(address, bytes, 16) === 16 ? 0 : -EFAULT;
}

/** Writes nanoseconds as a `struct timespec`. */
export function writeDuration(task: Task, address: number, ns: number): number {
  const whole = Math.floor(ns / NANOSECONDS);
  return writeTimespec(task, address, whole, ns - whole * NANOSECONDS);
}

/** Writes nanoseconds as a `struct timeval`. */
export function writeDurationAsTimeval(task: Task, address: number, ns: number): number {
  const whole = Math.floor(ns / NANOSECONDS);
  return writeTimespec(task, address, whole, Math.floor((ns - whole * NANOSECONDS) / 1000));
}
