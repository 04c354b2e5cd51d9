/**
 * Stub processes cannot be made, or the host refused something: the message is for people, `code` is stable.
 *
 * @example
 * import { type Memory, MemoryFile } from '@sbx/platform';
 * import { SystrapError, SystrapPlatform } from '@sbx/systrap-platform';
 *
 * const kernelMemory = MemoryFile.create({ name: 'kernel', limit: 2 ** 21 });
 * let message = '';
 * try {
 *   new SystrapPlatform({ memory: {} as Memory, kernelMemory, wake() {} });
 * } catch (error) {
 *   if (error instanceof SystrapError) message = error.message;
 * }
 * message; // 'application memory has to be a MemoryFile, which other processes can map'
 * kernelMemory.destroy();
 */
export class SystrapError extends Error {
  readonly code = 'ERR_SBX_SYSTRAP';
  constructor(message: string) {
    super(message);
    this.name = 'SystrapError';
  }
}
