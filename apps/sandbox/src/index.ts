export type { RunResult } from './client/collect.js';
export { SandboxError, type SandboxErrorCode } from './client/errors.js';
export type {
  LimitOptions,
  MountOptions,
  RootfsOptions,
  RunOptions,
  SandboxOptions,
  SpawnOptions,
  TerminalSize,
} from './client/options.js';
export { Sandbox } from './client/sandbox.js';
export type { ExitResult, SandboxProcess } from './client/sandbox-process.js';
export type { IsolationStep } from './sentry/isolation.js';
