import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { root } from './paths.mjs';

/**
 * @typedef {object} ExecOptions
 * @property {string} [cwd] default: the repository
 * @property {NodeJS.ProcessEnv} [env]
 * @property {boolean} [quiet] keeps the output (both streams in one) instead of showing it
 * @property {number} [timeout] milliseconds after which the program is killed
 */

/**
 * Runs a program and waits for it. A terminal's Ctrl-C reaches the program, which ends when it likes; SIGTERM and SIGHUP
 * are passed on.
 *
 * @param {string} program
 * @param {readonly string[]} args
 * @param {ExecOptions} [options]
 * @returns {Promise<{ status: number, output: string, error?: Error }>} 128 + signal if a signal ended it; 127 if it can't be started
 */
export function exec(program, args, { cwd = root, env = process.env, quiet = false, timeout } = {}) {
  const child = spawn(program, args, { cwd, env, timeout, killSignal: 'SIGKILL', stdio: quiet ? ['ignore', 'pipe', 'pipe'] : 'inherit' });
  /** @param {NodeJS.Signals} signal */
  const forward = (signal) => void child.kill(signal);
  const ignore = () => {};
  process.on('SIGINT', ignore).on('SIGQUIT', ignore).on('SIGTERM', forward).on('SIGHUP', forward);
  /** @type {Buffer[]} */
  const chunks = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (/** @type {Buffer} */ chunk) => void chunks.push(chunk));
  }
  return new Promise((resolve) => {
    /** @param {number} status @param {Error} [error] */
    const end = (status, error) => {
      process.off('SIGINT', ignore).off('SIGQUIT', ignore).off('SIGTERM', forward).off('SIGHUP', forward);
      resolve({ status, output: Buffer.concat(chunks).toString(), error });
    };
    child.on('error', (error) => end(127, error));
    child.on('close', (code, signal) => end(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
}
