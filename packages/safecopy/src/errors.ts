/**
 * An access to memory ended with SIGSEGV: nothing is mapped at `addr`, or not for this kind of access (sigaction(2), SEGV_MAPERR and SEGV_ACCERR).
 *
 * @example
 * import { loadUint32, lastFault, SegvError } from '@sbx/safecopy';
 *
 * loadUint32(0x1000); // -14
 * const fault = lastFault();
 * fault instanceof SegvError && fault.addr; // 0x1000
 */
export class SegvError extends Error {
  override readonly name = 'SegvError';
  readonly code = 'ERR_SBX_SEGV';
  constructor(readonly addr: number) {
    super(`SIGSEGV at 0x${addr.toString(16)}`);
  }
}

/** An access to memory ended with SIGBUS: `addr` is mapped, but its file ends before, or its memory is broken (sigaction(2), BUS_ADRERR and BUS_MCEERR_AR). */
export class BusError extends Error {
  override readonly name = 'BusError';
  readonly code = 'ERR_SBX_BUS';
  constructor(readonly addr: number) {
    super(`SIGBUS at 0x${addr.toString(16)}`);
  }
}

/** The word at `addr` was not touched, because `addr` is not a multiple of `alignment` (4 or 8). */
export class AlignmentError extends Error {
  override readonly name = 'AlignmentError';
  readonly code = 'ERR_SBX_ALIGNMENT';
  constructor(
    readonly addr: number,
    readonly alignment: number,
  ) {
    super(`address 0x${addr.toString(16)} is not a multiple of ${alignment}`);
  }
}

/** The native part is not there on this machine. `reason` says why. */
export class NativeUnavailableError extends Error {
  override readonly name = 'NativeUnavailableError';
  readonly code = 'ERR_SBX_NATIVE_UNAVAILABLE';
  constructor(
    what: string,
    readonly reason: string,
  ) {
    super(`${what} needs the native part of @sbx/safecopy: ${reason}`);
  }
}
