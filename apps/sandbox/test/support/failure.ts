import { expect } from 'vitest';
import { SandboxError } from '../../src/index.js';

/** The `SandboxError` with which a promise rejects. */
export async function failure(promise: Promise<unknown>): Promise<SandboxError> {
  const error = await promise.then(
    () => undefined,
    (reason) => reason,
  );
  expect(error).toBeInstanceOf(SandboxError);
  return error;
}
