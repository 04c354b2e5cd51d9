/** Something on this machine that the reader of the message must put right; shown without a stack. */
export class SetupError extends Error {
  /** @override */
  name = 'SetupError';
}

/**
 * Runs the body of a command. A SetupError is printed by itself; the exit status is the body's, or 1 after an error.
 *
 * @param {() => Promise<number>} body
 */
export async function command(body) {
  try {
    process.exitCode = await body();
  } catch (error) {
    process.stderr.write(error instanceof SetupError ? `\n${error.message}\n` : `\n${error instanceof Error ? error.stack : error}\n`);
    process.exitCode = 1;
  }
}
