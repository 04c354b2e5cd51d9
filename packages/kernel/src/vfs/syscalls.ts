import type { SyscallEntry } from '../syscalls/entry.js';
import { attributeSyscalls } from './syscalls-attributes.js';
import { copySyscalls } from './syscalls-copy.js';
import { directorySyscalls } from './syscalls-directory.js';
import { fcntlSyscalls } from './syscalls-fcntl.js';
import { inotifySyscalls } from './syscalls-inotify.js';
import { ioSyscalls } from './syscalls-io.js';
import { mountSyscalls } from './syscalls-mount.js';
import { openSyscalls } from './syscalls-open.js';
import { statSyscalls } from './syscalls-stat.js';
import { syncSyscalls } from './syscalls-sync.js';
import { xattrSyscalls } from './syscalls-xattr.js';

/** The system calls on files and names. Those of pipes and memory files are in fs/pipe and fs/tmpfs. */
export const vfsSyscalls: readonly SyscallEntry[] = [
  ...ioSyscalls,
  ...openSyscalls,
  ...statSyscalls,
  ...directorySyscalls,
  ...attributeSyscalls,
  ...fcntlSyscalls,
  ...xattrSyscalls,
  ...mountSyscalls,
  ...syncSyscalls,
  ...copySyscalls,
  ...inotifySyscalls,
];
