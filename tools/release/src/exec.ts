import { execFile } from 'node:child_process';

export interface ExecOptions {
  cwd: string;
  env: NodeJS.ProcessEnv;
}

export interface Outcome {
  /** The signal's name where one ended the program. */
  status: number | string;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end; rejects only if it can't be started. */
export function exec(program: string, args: readonly string[], options: ExecOptions): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { ...options, encoding: 'utf8', maxBuffer: 1 << 26, timeout: 600_000 }, (error, stdout, stderr) => {
      if (error && typeof error.code === 'string') reject(error);
      else resolve({ status: error ? (error.signal ?? (error.code as number)) : 0, stdout, stderr });
    });
  });
}

/** Runs a program that must succeed; rejects with what it wrote if it does not. Returns its standard output. */
export async function execOk(program: string, args: readonly string[], options: ExecOptions): Promise<string> {
  const { status, stdout, stderr } = await exec(program, args, options);
  if (status === 0) return stdout;
  throw new Error(`${program} ${args.join(' ')} ended with ${status}\n${stdout}\n${stderr}`);
}
