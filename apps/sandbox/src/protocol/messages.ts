import type { SandboxConfig } from '../config/config.js';
import type { IsolationStep } from '../sentry/isolation.js';

/*
 * What a client and its sentry say to each other: one JSON object a line, over a stream socket. Contents of files and streams never go this way: a program's
 * stdin, stdout and stderr are pipes whose ends the client sends over a second socket (Binding.sendDescriptors), before the message that names their number.
 *
 *     client                          sentry
 *       | -- create ------------------> |   opens what the configuration names, seals itself, starts the kernel
 *       | <------------------ ready --- |   or failed, and the sentry exits
 *       | == descriptors, number 1 ===> |
 *       | -- spawn, id 1 -------------> |
 *       | <------------ spawned, 1 ---- |   or spawnFailed
 *       | <------------- exited, 1 ---- |
 *       | -- end of file -------------> |   every program is killed, the sentry exits
 */

/** Both sides refuse another one's. */
export const PROTOCOL_VERSION = 1;

/** Descriptors of the sentry's: the stream of messages, and the socket over which descriptors come. */
export const CONTROL_FD = 3;
export const DESCRIPTORS_FD = 4;

export interface CreateMessage {
  readonly type: 'create';
  readonly version: number;
  readonly config: SandboxConfig;
  /** After so many seconds without progress of its JavaScript thread the sentry ends itself; 0: never. */
  readonly watchdog: number;
  /** A file for the system calls, or null. */
  readonly strace: string | null;
}

export interface SpawnMessage {
  readonly type: 'spawn';
  /** Names the program in later messages, and the message with its descriptors: 3 (stdin, stdout, stderr), or for a terminal 2 (input, output). */
  readonly id: number;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Null: where the sandbox's configuration says. */
  readonly cwd: string | null;
  readonly tty: TerminalSize | null;
}

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** A signal for a program; with `tree`, SIGKILL for it and everything that it started, which may have outlived it. */
export interface SignalMessage {
  readonly type: 'signal';
  readonly id: number;
  readonly signo: number;
  readonly tree: boolean;
}

export interface ResizeMessage extends TerminalSize {
  readonly type: 'resize';
  readonly id: number;
}

export type ClientMessage = CreateMessage | SpawnMessage | SignalMessage | ResizeMessage;

export interface ReadyMessage {
  readonly type: 'ready';
  readonly version: number;
  readonly platform: string;
  readonly isolation: readonly IsolationStep[];
  /** What the caller ought to know. */
  readonly warnings: readonly string[];
}

export interface FailedMessage {
  readonly type: 'failed';
  readonly code: string;
  readonly message: string;
}

export interface SpawnedMessage {
  readonly type: 'spawned';
  readonly id: number;
  readonly pid: number;
}

export interface SpawnFailedMessage {
  readonly type: 'spawnFailed';
  readonly id: number;
  readonly errno: string;
  readonly message: string;
}

export interface ExitedMessage {
  readonly type: 'exited';
  readonly id: number;
  readonly code: number | null;
  readonly signo: number | null;
}

/** The kernel can't go on; the sentry exits. */
export interface PanicMessage {
  readonly type: 'panic';
  readonly report: string;
}

export type SentryMessage = ReadyMessage | FailedMessage | SpawnedMessage | SpawnFailedMessage | ExitedMessage | PanicMessage;
