/** KVM cannot be used, or refused something: the message is for people, `code` is stable. */
export class KvmError extends Error {
  readonly code = 'ERR_SBX_KVM';
  constructor(message: string) {
    super(message);
    this.name = 'KvmError';
  }
}
