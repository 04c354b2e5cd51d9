/** Stable codes of the errors that this package throws to its host-side callers. */
export type PlatformErrorCode =
  /** The host refused memory, address space or a descriptor. */
  | 'ERR_SBX_MEMORY_FILE'
  /** A memory file was used wrongly: a bug in the caller. */
  | 'ERR_SBX_MEMORY_MISUSE'
  /** A saved memory image is damaged, cut off, or does not fit. */
  | 'ERR_SBX_MEMORY_IMAGE'
  /** The native part is not there on this machine; the message says why. */
  | 'ERR_SBX_NATIVE_UNAVAILABLE'
  /** No platform of that name is registered. */
  | 'ERR_SBX_PLATFORM_UNKNOWN'
  /** The platform cannot be used on this machine; the message says why. */
  | 'ERR_SBX_PLATFORM_UNUSABLE';

/**
 * An error of this package; `code` is stable, the message is for people.
 *
 * @example
 * import { MEMORY_ANONYMOUS, MemoryFile, PlatformError } from '@sbx/platform';
 *
 * const memory = MemoryFile.create({ name: 'example', limit: 2 ** 20 });
 * let code = '';
 * try {
 *   memory.allocate(100, MEMORY_ANONYMOUS);
 * } catch (error) {
 *   if (error instanceof PlatformError) code = error.code;
 * }
 * code; // 'ERR_SBX_MEMORY_MISUSE': no whole pages
 * memory.destroy();
 */
export class PlatformError extends Error {
  constructor(
    readonly code: PlatformErrorCode,
    message: string,
  ) {
    super(message);
    this.name = 'PlatformError';
  }
}
