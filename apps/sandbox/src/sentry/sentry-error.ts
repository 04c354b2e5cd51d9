/** Something is wrong with the request or the machine: a message for people and a stable code. */
export class SentryError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = 'SentryError';
  }
}
