import { EACCES, EAGAIN, ENOENT, ENOTDIR, errnoMessage } from '@sbx/abi';
import { type ControllingTerminal, Credentials, type FileDescription, type Kernel, spawnProcess, ThreadGroup } from '@sbx/kernel';
import { toByteString } from '../config/byte-string.js';
import type { SandboxConfig } from '../config/config.js';
import { DEFAULT_PATH } from '../config/defaults.js';
import { initialLimits } from './assemble.js';

/** A program to be started, in text. */
export interface ProgramStart {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Descriptors 0, 1 and 2; the program takes them over. */
  readonly files: readonly FileDescription[];
  /** Its controlling terminal, or null. */
  readonly terminal: ControllingTerminal | null;
}

/** Why a program could not be started: exit status and message as a shell has them; 125: it is not the program's fault. */
export interface StartFailure {
  readonly status: 125 | 126 | 127;
  readonly errno: number;
  readonly message: string;
}

/** What platforms throw that can't go on: each bundle has classes of its own. */
const PLATFORM_ERRORS = ['ERR_SBX_KVM', 'ERR_SBX_SYSTRAP'];

/** Starts a program in a session of its own. */
export function startProgram(kernel: Kernel, config: SandboxConfig, start: ProgramStart): ThreadGroup | StartFailure {
  const result = spawn(kernel, config, start);
  if (result instanceof ThreadGroup) return result;
  for (const file of start.files) file.decRef();
  return typeof result === 'number' ? explain(kernel, start, result) : result;
}

function spawn(kernel: Kernel, config: SandboxConfig, start: ProgramStart): ThreadGroup | StartFailure | number {
  const { uid, gid, groups } = config.user;
  try {
    return spawnProcess(kernel, {
      program: toByteString(start.argv[0]),
      argv: start.argv.map(toByteString),
      envp: Object.entries(start.env).map(([name, value]) => toByteString(`${name}=${value}`)),
      cwd: toByteString(start.cwd),
      credentials: Credentials.forUser(uid, gid, groups),
      files: start.files,
      searchPath: toByteString(start.env.PATH ?? DEFAULT_PATH),
      limits: initialLimits(config.limits),
      umask: 0o022,
      terminal: start.terminal,
    });
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    if (!PLATFORM_ERRORS.includes(code)) throw error;
    return { status: 125, errno: EAGAIN, message: `the host gives too little for a program (ulimit -u, pids.max): ${message}` };
  }
}

function explain(kernel: Kernel, { argv, cwd }: ProgramStart, result: number): StartFailure {
  const [program] = argv;
  const caller = kernel.vfs.kernelCaller;
  const place = kernel.vfs.resolve(caller, toByteString(cwd));
  if (typeof place === 'number' || !place.dentry.inode!.isDirectory) {
    const why = errnoMessage(typeof place === 'number' ? place : -ENOTDIR);
    return { status: 126, errno: -result, message: `cannot start in ${cwd}: ${why}` };
  }
  const notFound = result === -ENOENT;
  const message =
    notFound && !program.includes('/') ? 'command not found' : result === -EACCES ? 'permission denied' : errnoMessage(result);
  return { status: notFound ? 127 : 126, errno: -result, message: `${program}: ${message}` };
}
