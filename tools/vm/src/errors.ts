/** Why a command could not be run in the VM, or did not finish there. */
export type VmErrorCode =
  /** A program that the VM needs is not installed, or the host is of a kind that is not supported. */
  | 'UNSUPPORTED'
  /** No kernel in the cache, and none could be fetched. */
  | 'NO_KERNEL'
  /** The command did not finish in time; the VM was stopped. */
  | 'TIMEOUT'
  /** The VM ended without a word about the command: a kernel panic, or QEMU failed. The message has the console's end. */
  | 'VM_DIED';

/** An error of the VM, as opposed to a failure of the command in it, which is an exit status. */
export class VmError extends Error {
  override readonly name = 'VmError';
  readonly code: VmErrorCode;

  constructor(code: VmErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
