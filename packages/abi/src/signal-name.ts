/** Names of signals. */
import { signals } from './generated/flag-sets.js';
import { SIGRTMAX, SIGRTMIN } from './signal.js';

let names: (string | undefined)[] | undefined;

/**
 * The name of a signal (signal(7)). Real-time signals are `SIGRTMIN` and `SIGRT_1` to `SIGRT_32` by the kernel's count, in which SIGRTMIN is 32; `undefined`
 * for what is no signal.
 *
 * @example
 * import { signalName, signalNumber } from '@sbx/abi';
 *
 * signalName(9); // 'SIGKILL'
 * signalName(34); // 'SIGRT_2'
 * signalName(65); // undefined
 * signalNumber('term'); // 15
 */
export function signalName(signo: number): string | undefined {
  if (names === undefined) {
    names = [];
    for (const [name, value] of Object.entries(signals())) names[value] = name;
  }
  if (signo === SIGRTMIN) return 'SIGRTMIN';
  if (signo > SIGRTMIN && signo <= SIGRTMAX) return `SIGRT_${signo - SIGRTMIN}`;
  return names[signo];
}

/**
 * The number of a signal from its name as `signalName` gives it, with or without `SIG`, in any case, or from its decimal number; `undefined` if it is none.
 */
export function signalNumber(name: string): number | undefined {
  if (/^\d+$/.test(name)) return Number(name) >= 1 && Number(name) <= SIGRTMAX ? Number(name) : undefined;
  const upper = name.toUpperCase();
  const full = upper.startsWith('SIG') ? upper : `SIG${upper}`;
  if (full === 'SIGRTMIN') return SIGRTMIN;
  const [, realTime] = /^SIGRT_([1-9]\d?)$/.exec(full) ?? [];
  if (realTime !== undefined) return SIGRTMIN + Number(realTime) <= SIGRTMAX ? SIGRTMIN + Number(realTime) : undefined;
  return signals()[full];
}
