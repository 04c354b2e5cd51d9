import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { SandboxError } from './errors.js';
import { limit } from './limit.js';
import type { RunOptions } from './options.js';
import type { ExitResult, SandboxProcess } from './sandbox-process.js';

export const DEFAULT_MAX_BUFFER = 64 * 2 ** 20;

/** What a program wrote, and how it ended. */
export interface RunResult<Output = string> extends ExitResult {
  /** What it wrote: a string, or with `encoding: 'buffer'` a Buffer. */
  readonly stdout: Output;
  readonly stderr: Output;
}

/**
 * Gives a program its input and keeps its output until it has ended and its streams are closed: as with Node's own `execFile`, what it left running and has
 * them is waited for, as long as `timeout`, `signal` and `maxBuffer` permit.
 */
export async function collect(child: SandboxProcess, options: RunOptions): Promise<RunResult<string | Buffer>> {
  const { maxBuffer = DEFAULT_MAX_BUFFER, encoding = 'utf8' } = options;
  let failure: SandboxError | null = null;
  /** Nobody is left to write more. */
  const cut = () => {
    child.stdout.destroy();
    child.stderr.destroy();
  };
  const fail = (because: SandboxError) => {
    failure ??= because;
    child.killTree();
    if (child.exit !== null) cut();
  };
  let kept = 0;
  const keep = (stream: Readable): Promise<Buffer> => {
    const pieces: Buffer[] = [];
    stream.on('data', (piece: Buffer) => {
      pieces.push(piece.subarray(0, Math.max(0, maxBuffer - kept)));
      kept += piece.length;
      if (kept > maxBuffer) fail(new SandboxError('ERR_SBX_MAX_BUFFER', `the program wrote more than ${maxBuffer} bytes (maxBuffer)`));
    });
    return new Promise((resolve) => stream.once('close', () => resolve(Buffer.concat(pieces))));
  };
  const outputs = Promise.all([keep(child.stdout), keep(child.stderr)]);
  const release = limit(options, fail);
  try {
    void feed(child, options.input, fail);
    const exit = await child.wait();
    if (failure !== null) cut();
    const [stdout, stderr] = (await outputs).map((bytes) => (encoding === 'buffer' ? bytes : bytes.toString(encoding)));
    if (failure !== null) throw withOutput(failure, stdout, stderr);
    return { ...exit, stdout, stderr };
  } finally {
    release();
  }
}

/** Errors of a stream whose reader has gone: the program did not want all of it. */
const NOT_WANTED = ['EPIPE', 'ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED'];

async function feed(child: SandboxProcess, input: RunOptions['input'], fail: (because: SandboxError) => void): Promise<void> {
  if (input === undefined || typeof input === 'string' || input instanceof Uint8Array) {
    child.stdin.end(input ?? '');
    return;
  }
  try {
    await pipeline(input, child.stdin);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!NOT_WANTED.includes(code))
      fail(new SandboxError('ERR_SBX_INPUT', `the program's input failed: ${(error as Error).message}`, { cause: error }));
  }
}

function withOutput(error: SandboxError, stdout: string | Buffer, stderr: string | Buffer): SandboxError {
  return new SandboxError(error.code, error.message, { cause: error.cause, stdout, stderr });
}
