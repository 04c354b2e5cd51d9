/**
 * Something needs the native part, which is not there on this machine. `reason` says why.
 *
 * @example
 * import { addressOf, implementation, NativeUnavailableError } from '@sbx/atomicbitops';
 *
 * let reason = '';
 * try {
 *   addressOf(new Uint32Array(1));
 * } catch (error) {
 *   if (!(error instanceof NativeUnavailableError)) throw error;
 *   reason = error.reason;
 * }
 * (implementation === 'javascript') === (reason !== ''); // true
 */
export class NativeUnavailableError extends Error {
  override readonly name = 'NativeUnavailableError';
  readonly code = 'ERR_SBX_NATIVE_UNAVAILABLE';
  constructor(
    what: string,
    readonly reason: string,
  ) {
    super(`${what} needs the native part of @sbx/atomicbitops: ${reason}`);
  }
}

/** A target out of range or misaligned, or a wrong argument, as the native part reports it. */
export function rangeError(message: string): RangeError {
  return Object.assign(new RangeError(message), { code: 'ERR_OUT_OF_RANGE' });
}

export function typeError(message: string): TypeError {
  return Object.assign(new TypeError(message), { code: 'ERR_INVALID_ARG_TYPE' });
}
