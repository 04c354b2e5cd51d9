/**
 * KVM cannot be used, or refused something: the message is for people, `code` is stable.
 *
 * @example
 * import { MemoryFile } from '@sbx/platform';
 * import { KvmError, KvmPlatform } from '@sbx/kvm-platform';
 *
 * const memory = MemoryFile.create({ name: 'application', limit: 2 ** 21 });
 * let code = '';
 * try {
 *   // A descriptor that is not one of /dev/kvm.
 *   new KvmPlatform({ memory, kernelMemory: memory, wake() {}, deviceFd: 0 });
 * } catch (error) {
 *   if (error instanceof KvmError) code = error.code;
 * }
 * code; // 'ERR_SBX_KVM'
 * memory.destroy();
 */
export class KvmError extends Error {
  readonly code = 'ERR_SBX_KVM';
  constructor(message: string) {
    super(message);
    this.name = 'KvmError';
  }
}
