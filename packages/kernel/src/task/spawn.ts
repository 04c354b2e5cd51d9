import { EACCES, EAGAIN, ENOENT, ENOEXEC, ENOTDIR, RLIMIT_CPU } from '@sbx/abi';
import type { Credentials } from '../auth/credentials.js';
import type { Kernel } from '../kernel.js';
import { loadExecutable } from '../loader/loader.js';
import { MemoryManager } from '../mm/memory-manager.js';
import { SharedSignals } from '../signal/shared-signals.js';
import { SignalActions } from '../signal/signal-actions.js';
import { TaskSignals } from '../signal/task-signals.js';
import { FdTable } from '../vfs/fd-table.js';
import type { FileDescription } from '../vfs/file-description.js';
import { setRegisters } from './exec.js';
import { openExecutable } from './open-executable.js';
import { type ControllingTerminal, ProcessGroup, Session } from './process-group.js';
import { ResourceLimits } from './resource-limits.js';
import { Task } from './task.js';
import { ThreadGroup } from './thread-group.js';

/** A program to start from the host. All strings are byte strings. */
export interface SpawnRequest {
  /** The program: a path with a slash, or a name that is looked for in `searchPath`. */
  readonly program: string;
  /** Its arguments, the zeroth included. */
  readonly argv: readonly string[];
  /** Its environment: `NAME=value` each. */
  readonly envp: readonly string[];
  /** Working directory, absolute. */
  readonly cwd: string;
  /** Whose rights it has. */
  readonly credentials: Credentials;
  /** Descriptors 0, 1, 2, …; null leaves a number free. The process takes over the references. */
  readonly files: readonly (FileDescription | null)[];
  /** Directories, separated by colons, for a program without a slash. */
  readonly searchPath: string;
  /** Copied for the process. */
  readonly limits: ResourceLimits;
  /** As umask(2) has it. */
  readonly umask: number;
  /** The controlling terminal of the new session, or null. */
  readonly terminal: ControllingTerminal | null;
}

/**
 * Starts a process from the host, in a session of its own, as a child of init. It runs from Node's event loop. Returns the process, whose `onExit` the caller
 * sets, or a negative errno (-ENOENT: no such program; -EACCES: not executable; -EAGAIN: there are as many tasks as there may be; …).
 * Does not block but for reading the program's file. See the example of {@link Kernel}.
 */
export function spawnProcess(kernel: Kernel, request: SpawnRequest): ThreadGroup | number {
  if (kernel.tasks.size >= kernel.limits.tasks) return -EAGAIN;
  const fs = kernel.vfs.newFsContext();
  fs.umask = request.umask;
  const caller = { kernel, credentials: request.credentials, fs };
  const cwd = kernel.vfs.resolve(caller, request.cwd);
  if (typeof cwd === 'number') {
    fs.decRef();
    return cwd;
  }
  if (!cwd.dentry.inode!.isDirectory) {
    fs.decRef();
    return -ENOTDIR;
  }
  fs.setCwd(cwd.mount, cwd.dentry);
  const context = kernel.platform.newContext();
  const mm = MemoryManager.create(kernel);
  const pid = kernel.allocateId();
  if (typeof context === 'number' || typeof mm === 'number' || pid < 0) {
    if (typeof context !== 'number') context.release();
    if (typeof mm !== 'number') mm.decRef();
    fs.decRef();
    return typeof context === 'number' ? context : typeof mm === 'number' ? mm : pid;
  }
  const group = new ThreadGroup(
    pid,
    kernel.init,
    new ProcessGroup(pid, new Session(pid)),
    new SharedSignals(new SignalActions()),
    new ResourceLimits(request.limits),
  );
  const task = new Task(kernel, pid, group, context, mm, new FdTable(), fs, request.credentials, new TaskSignals());
  const loaded = load(task, request);
  if (loaded < 0) {
    mm.decRef();
    fs.decRef();
    context.release();
    return loaded;
  }
  request.files.forEach((file, fd) => {
    if (file !== null) task.files.installAt(task, fd, file, false, Number.POSITIVE_INFINITY);
  });
  publish(kernel, task, request);
  return group;
}

/** Finds the program as execvp(3) does and puts it into the task's address space. 0 or -errno. */
function load(task: Task, request: SpawnRequest): number {
  const { program } = request;
  const candidates = program.includes('/') ? [program] : request.searchPath.split(':').map((directory) => `${directory || '.'}/${program}`);
  let result = -ENOENT;
  for (const path of candidates) {
    const file = openExecutable(task, task.fs.cwdMount, task.fs.cwdDentry, path, true);
    if (typeof file === 'number') {
      if (file === -EACCES) result = file;
      else if (file !== -ENOENT && file !== -ENOTDIR) return file;
      continue;
    }
    return loadFrom(task, file, path, request);
  }
  return result;
}

function loadFrom(task: Task, file: FileDescription, path: string, request: SpawnRequest): number {
  task.mm.limits = task.threadGroup.limits;
  const image = loadExecutable({
    kernel: task.kernel,
    mm: task.mm,
    file,
    path,
    argv: request.argv,
    envp: request.envp,
    credentials: task.credentials,
    task,
    unreachable: false,
    open: (interpreter) => openExecutable(task, task.fs.cwdMount, task.fs.cwdDentry, interpreter, true),
  });
  if (typeof image === 'number') return image;
  if (image.fatal) return -ENOEXEC;
  task.name = path.slice(path.lastIndexOf('/') + 1).slice(0, 15);
  setRegisters(task, image);
  return 0;
}

/** The process becomes visible and runs. */
function publish(kernel: Kernel, task: Task, request: SpawnRequest): void {
  const { threadGroup: group } = task;
  const { processGroup, session } = group;
  group.tasks.push(task);
  group.startTime = kernel.clock.monotonic();
  kernel.tasks.set(task.id, task);
  kernel.processes.set(group.id, group);
  kernel.processGroups.set(processGroup.id, processGroup);
  processGroup.members.add(group);
  kernel.init.children.add(group);
  if (group.limits.soft[RLIMIT_CPU] !== Number.POSITIVE_INFINITY) kernel.timersOf(group).watchCpuLimit();
  request.terminal?.attach(session, processGroup.id);
  kernel.loop.enqueue(task);
}
