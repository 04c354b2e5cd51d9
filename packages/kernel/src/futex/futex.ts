/** What the rest of the kernel needs of futexes: the end of a task. The system calls are in syscalls.ts. */
export { futexWakeAddress } from './operations.js';
export { futexExit } from './robust.js';
