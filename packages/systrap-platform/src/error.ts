/** Stub processes cannot be made, or the host refused something: the message is for people, `code` is stable. */
export class SystrapError extends Error {
  readonly code = 'ERR_SBX_SYSTRAP';
  constructor(message: string) {
    super(message);
    this.name = 'SystrapError';
  }
}
