import type { FileDescription } from '../vfs/file-description.js';

/** A socket that can lie in its own or another's queue (unix(7), SCM_RIGHTS), so that references alone never end it. */
export interface Queueing extends FileDescription {
  /** Descriptions in its queue, and in those of connections that nobody accepted yet. */
  queuedFiles(): Iterable<FileDescription>;
  /** Gives up what is queued. */
  dropQueue(): void;
}

/** Sockets on their way in messages, with how often. */
const inFlight = new Map<FileDescription, number>();
let scheduled = false;

/** Descriptions were put into a message. */
export function departed(files: readonly FileDescription[]): void {
  for (const file of files) if (isQueueing(file)) inFlight.set(file, (inFlight.get(file) ?? 0) + 1);
}
/** Descriptions were taken out of a message. */
export function arrived(files: readonly FileDescription[]): void {
  for (const file of files) {
    const count = inFlight.get(file);
    if (count === undefined) continue;
    if (count === 1) inFlight.delete(file);
    else inFlight.set(file, count - 1);
  }
}

/** A reference to a socket goes away: what is left in flight may be held by itself alone. Looked at once the kernel has done its turn. */
export function mayBeGarbage(): void {
  if (inFlight.size === 0 || scheduled) return;
  scheduled = true;
  queueMicrotask(() => {
    scheduled = false;
    collect();
  });
}

/** Ends the sockets that only messages hold which nobody can receive any more: those in the queues of such sockets. */
function collect(): void {
  // References from outside of the candidates' queues.
  const outside = new Map<Queueing, number>();
  for (const [file, count] of inFlight) if (file.references === count) outside.set(file as Queueing, count);
  for (const socket of outside.keys()) {
    for (const file of socket.queuedFiles()) {
      const count = outside.get(file as Queueing);
      if (count !== undefined) outside.set(file as Queueing, count - 1);
    }
  }
  const reachable = [...outside].filter(([, count]) => count > 0).map(([socket]) => socket);
  const alive = new Set(reachable);
  for (let next = reachable.pop(); next !== undefined; next = reachable.pop()) {
    for (const file of next.queuedFiles()) {
      if (!outside.has(file as Queueing) || alive.has(file as Queueing)) continue;
      alive.add(file as Queueing);
      reachable.push(file as Queueing);
    }
  }
  const garbage = [...outside.keys()].filter((socket) => !alive.has(socket));
  for (const socket of garbage) socket.incRef();
  for (const socket of garbage) socket.dropQueue();
  for (const socket of garbage) socket.decRef();
}

function isQueueing(file: FileDescription): file is Queueing {
  return 'queuedFiles' in file;
}
