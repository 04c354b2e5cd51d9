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

/** Whether it is a `SentryError` of any bundle: each has a class of its own. */
export function isSentryError(error: unknown): error is SentryError {
  return error instanceof Error && error.name === 'SentryError';
}
