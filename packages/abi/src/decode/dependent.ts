/** Calls whose later arguments depend on an earlier one: open, fcntl, ioctl, futex, clone. */
import * as fcntl from '../fcntl.js';
import * as ioctl from '../fs-ioctl.js';
import * as fut from '../futex.js';
import * as sets from '../generated/flag-sets.js';
import { Timespec } from '../structs/time.js';
import { Termios, Winsize } from '../structs/tty.js';
import * as tty from '../tty.js';
import type { Call, Kind } from './call.js';
import { flagsToString } from './flags.js';
import * as k from './kinds.js';
import * as s from './structs.js';

/** Arguments of a call that are known once the earlier ones are. */
export type Dependent = (call: Call) => readonly Kind[];

const openFlags = k.archFlags(sets.openFlags);
const { uint, long, hex, addr, fd, mode } = k;

/** Flags and mode of open: the mode matters only when a file may be made. */
export const openArguments =
  (...before: readonly Kind[]): Dependent =>
  (c) => {
    const made = (c.u32(before.length) & (fcntl.O_CREAT | fcntl.__O_TMPFILE)) !== 0;
    return made ? [...before, openFlags, mode] : [...before, openFlags];
  };

export function fcntlArguments(c: Call): readonly Kind[] {
  const command = k.one(sets.fcntlCommands);
  switch (c.i32(1)) {
    case fcntl.F_GETFD:
    case fcntl.F_GETFL:
    case fcntl.F_GETOWN:
    case fcntl.F_GETSIG:
    case fcntl.F_GETLEASE:
    case fcntl.F_GETPIPE_SZ:
    case fcntl.F_GET_SEALS:
      return [fd, command];
    case fcntl.F_SETFL:
      return [fd, command, openFlags];
    case fcntl.F_SETFD:
      return [fd, command, k.flags(() => ({ bits: { FD_CLOEXEC: fcntl.FD_CLOEXEC } }))];
    case fcntl.F_GETLK:
    case fcntl.F_SETLK:
    case fcntl.F_SETLKW:
    case fcntl.F_OFD_GETLK:
    case fcntl.F_OFD_SETLK:
    case fcntl.F_OFD_SETLKW:
      return [fd, command, s.flockIn];
    default:
      return [fd, command, long];
  }
}

export function ioctlArguments(c: Call): readonly Kind[] {
  const request: Kind = (call, i) => {
    const n = call.u32(i);
    for (const [name, value] of Object.entries(sets.ioctlRequests())) if (value === n) return name;
    return `0x${n.toString(16)}`;
  };
  switch (c.u32(1)) {
    case tty.TCGETS:
      return [fd, request, s.structOut(Termios)];
    case tty.TCSETS:
    case tty.TCSETSW:
    case tty.TCSETSF:
      return [fd, request, s.structIn(Termios)];
    case tty.TIOCGWINSZ:
      return [fd, request, s.structOut(Winsize)];
    case tty.TIOCSWINSZ:
      return [fd, request, s.structIn(Winsize)];
    case tty.TIOCGPGRP:
    case tty.TIOCGPTN:
    case tty.TIOCGSID:
    case ioctl.FIONREAD:
      return [fd, request, k.intOut];
    default:
      return [fd, request, addr];
  }
}

export function futexArguments(c: Call): readonly Kind[] {
  const op: Kind = (call, i) => {
    const n = call.u32(i);
    const command = n & fut.FUTEX_CMD_MASK;
    let text = Object.entries(sets.futexOps()).find(([, v]) => v === command)?.[0] ?? `0x${command.toString(16)}`;
    if (n & fut.FUTEX_PRIVATE_FLAG) text += '_PRIVATE';
    return n & fut.FUTEX_CLOCK_REALTIME ? `${text}|FUTEX_CLOCK_REALTIME` : text;
  };
  switch (c.u32(1) & fut.FUTEX_CMD_MASK) {
    case fut.FUTEX_WAIT:
      return [addr, op, uint, s.structIn(Timespec)];
    case fut.FUTEX_WAIT_BITSET:
      return [addr, op, uint, s.structIn(Timespec), addr, hex];
    case fut.FUTEX_WAKE:
    case fut.FUTEX_FD:
      return [addr, op, uint];
    case fut.FUTEX_WAKE_BITSET:
      return [addr, op, uint, addr, addr, hex];
    case fut.FUTEX_REQUEUE:
      return [addr, op, uint, uint, addr];
    case fut.FUTEX_LOCK_PI:
    case fut.FUTEX_LOCK_PI2:
      return [addr, op, uint, s.structIn(Timespec)];
    case fut.FUTEX_UNLOCK_PI:
    case fut.FUTEX_TRYLOCK_PI:
      return [addr, op];
    case fut.FUTEX_WAIT_REQUEUE_PI:
      return [addr, op, uint, s.structIn(Timespec), addr];
    default:
      return [addr, op, uint, uint, addr, hex];
  }
}

/** The raw clone has its last two arguments in another order on arm64; the low byte of its flags is the exit signal. */
export function cloneArguments(c: Call): readonly Kind[] {
  const flags: Kind = (call, i) => {
    const exit = call.u32(i) & 0xff;
    const word = call.u32(i) - exit;
    if (exit === 0) return flagsToString(sets.cloneFlags(), word);
    return word === 0 ? k.signalText(exit) : `${flagsToString(sets.cloneFlags(), word)}|${k.signalText(exit)}`;
  };
  return c.arch === 'arm64' ? [flags, addr, addr, hex, addr] : [flags, addr, addr, addr, hex];
}
