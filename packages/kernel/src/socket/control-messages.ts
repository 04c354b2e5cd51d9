import { EBADF, EFAULT, EINVAL, EPERM, ESRCH, MSG_CTRUNC, RLIMIT_NOFILE, SCM_CREDENTIALS, SCM_RIGHTS, SOL_SOCKET } from '@sbx/abi';
import type { Task } from '../task/task.js';
import type { FileDescription } from '../vfs/file-description.js';
import type { PeerCredentials, ReceivedMessage, SentControl } from './socket.js';

/** `struct cmsghdr`: length (8 bytes), level, type. Data follows; the next header is 8-byte aligned. */
const HEADER = 16;
/** Most descriptors of one message (SCM_MAX_FD). */
const MAX_FILES = 253;
/** Longest control buffer that is looked at (net.core.optmem_max is of this order). */
export const MAX_CONTROL = 20480;
const CAP_SETUID = 7;
const CAP_SETGID = 6;
const CAP_SYS_ADMIN = 21;

function align(length: number): number {
  return Math.ceil(length / 8) * 8;
}

/** Decodes the control messages that a program sends: descriptions (each with a reference), credentials; or -errno. */
export function parseControl(task: Task, bytes: Uint8Array): SentControl | number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const files: FileDescription[] = [];
  let credentials: PeerCredentials | null = null;
  const fail = (errno: number): number => {
    for (const file of files) file.decRef();
    return errno;
  };
  for (let at = 0; at + HEADER <= bytes.length; ) {
    const length = view.getUint32(at, true);
    if (view.getUint32(at + 4, true) !== 0 || length < HEADER || at + length > bytes.length) return fail(-EINVAL);
    const type = view.getInt32(at + 12, true);
    if (view.getInt32(at + 8, true) === SOL_SOCKET) {
      if (type === SCM_RIGHTS) {
        const count = Math.floor((length - HEADER) / 4);
        if (files.length + count > MAX_FILES) return fail(-EINVAL);
        for (let i = 0; i < count; i++) {
          const file = task.files.getReal(view.getInt32(at + HEADER + i * 4, true));
          if (file === null) return fail(-EBADF);
          file.incRef();
          files.push(file);
        }
      } else if (type === SCM_CREDENTIALS) {
        if (length !== HEADER + 12) return fail(-EINVAL);
        credentials = { pid: view.getInt32(at + 16, true), uid: view.getUint32(at + 20, true), gid: view.getUint32(at + 24, true) };
        if (!mayClaim(task, credentials)) return fail(-EPERM);
        if (!task.kernel.tasks.has(credentials.pid) && !task.kernel.processes.has(credentials.pid)) return fail(-ESRCH);
      } else return fail(-EINVAL);
    }
    at += align(length);
  }
  return { files, credentials };
}

/** Whether the task may send these credentials (unix(7)): its own, or any with the capabilities. */
function mayClaim(task: Task, claim: PeerCredentials): boolean {
  const own = task.credentials;
  const pid = claim.pid === task.threadGroup.id || own.capable(CAP_SYS_ADMIN);
  const uid = [own.ruid, own.euid, own.suid].includes(claim.uid) || own.capable(CAP_SETUID);
  const gid = [own.rgid, own.egid, own.sgid].includes(claim.gid) || own.capable(CAP_SETGID);
  return pid && uid && gid;
}

/**
 * Puts what came with a message into the program's control buffer at `address`: the bytes used, or -EFAULT. What does not fit is dropped, and MSG_CTRUNC set.
 */
export function storeControl(
  task: Task,
  address: number,
  size: number,
  message: ReceivedMessage,
  passCredentials: boolean,
  closeOnExec: boolean,
): number {
  const out = new Uint8Array(Math.min(size, MAX_CONTROL));
  const view = new DataView(out.buffer);
  let used = 0;
  if (passCredentials && message.credentials !== null) {
    const { pid, uid, gid } = message.credentials;
    const length = Math.min(HEADER + 12, out.length);
    if (length < HEADER + 12) message.flags |= MSG_CTRUNC;
    if (length >= HEADER) {
      putHeader(view, 0, length, SCM_CREDENTIALS);
      out.set(new Uint8Array(new Uint32Array([pid, uid, gid]).buffer, 0, length - HEADER), HEADER);
      used = Math.min(out.length, align(length));
    }
  }
  if (message.files.length > 0) used = storeFiles(task, view, used, message, closeOnExec);
  return used > 0 && task.mm.copyOut(address, out, used) !== used ? -EFAULT : used;
}

function putHeader(view: DataView, at: number, length: number, type: number): void {
  view.setUint32(at, length, true);
  view.setInt32(at + 8, SOL_SOCKET, true);
  view.setInt32(at + 12, type, true);
}

function storeFiles(task: Task, view: DataView, used: number, message: ReceivedMessage, closeOnExec: boolean): number {
  const room = Math.max(0, Math.floor((view.byteLength - used - HEADER) / 4));
  const limit = task.threadGroup.limits.soft[RLIMIT_NOFILE];
  let stored = 0;
  for (const file of message.files) {
    const fd = stored < room ? task.files.install(file, closeOnExec, limit) : -1;
    if (fd < 0) {
      message.flags |= MSG_CTRUNC;
      file.decRef();
      continue;
    }
    view.setInt32(used + HEADER + stored * 4, fd, true);
    stored++;
  }
  message.files = [];
  if (stored === 0) return used;
  putHeader(view, used, HEADER + stored * 4, SCM_RIGHTS);
  return Math.min(view.byteLength, used + align(HEADER + stored * 4));
}
