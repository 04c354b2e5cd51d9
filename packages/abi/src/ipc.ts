/**
 * System V IPC, POSIX message queues, keys: `ipc.h`, `shm.h`, `sem.h`, `msg.h`, `mqueue.h`.
 */

// Common.
export const IPC_PRIVATE = 0;
export const IPC_CREAT = 0o1000;
export const IPC_EXCL = 0o2000;
export const IPC_NOWAIT = 0o4000;
export const IPC_DIPC = 0o10000;
export const IPC_OWN = 0o20000;
export const IPC_RMID = 0;
export const IPC_SET = 1;
export const IPC_STAT = 2;
export const IPC_INFO = 3;
export const IPC_OLD = 0;
export const IPC_64 = 0o400;

// Shared memory.
export const SHMAT = 0o25;
export const SHMDT = 0o26;
export const SHMGET = 0o27;
export const SHMCTL = 0o30;
export const SHMMIN = 1;
export const SHMMNI = 0o10000;
export const SHMSEG = 0o10000;
export const SHM_R = 0o400;
export const SHM_W = 0o200;
export const SHM_HUGETLB = 0o4000;
export const SHM_NORESERVE = 0o10000;
export const SHM_HUGE_SHIFT = 0o32;
export const SHM_HUGE_MASK = 0o77;
export const SHM_HUGE_64KB = 0o10000000000;
export const SHM_HUGE_512KB = 0o11400000000;
export const SHM_HUGE_1MB = 0o12000000000;
export const SHM_HUGE_2MB = 0o12400000000;
export const SHM_HUGE_8MB = 0o13400000000;
export const SHM_HUGE_16MB = 0o14000000000;
export const SHM_HUGE_32MB = 0o14400000000;
export const SHM_HUGE_256MB = 0o16000000000;
export const SHM_HUGE_512MB = 0o16400000000;
export const SHM_HUGE_1GB = 0o17000000000;
export const SHM_HUGE_2GB = 0o17400000000;
export const SHM_HUGE_16GB = 0o21000000000;
export const SHM_RDONLY = 0o10000;
export const SHM_RND = 0o20000;
export const SHM_REMAP = 0o40000;
export const SHM_EXEC = 0o100000;
export const SHM_LOCK = 0o13;
export const SHM_UNLOCK = 0o14;
export const SHM_STAT = 0o15;
export const SHM_INFO = 0o16;
export const SHM_STAT_ANY = 0o17;

// Semaphores.
export const SEMOP = 1;
export const SEMGET = 2;
export const SEMCTL = 3;
export const SEMTIMEDOP = 4;
export const SEM_UNDO = 4096;
export const GETPID = 11;
export const GETVAL = 12;
export const GETALL = 13;
export const GETNCNT = 14;
export const GETZCNT = 15;
export const SETVAL = 16;
export const SETALL = 17;
export const SEM_STAT = 18;
export const SEM_INFO = 19;
export const SEM_STAT_ANY = 20;
export const SEMMNI = 32000;
export const SEMMSL = 32000;
export const SEMMNS = 1024000000;
export const SEMOPM = 500;
export const SEMVMX = 32767;
export const SEMAEM = 32767;
export const SEMUME = 500;
export const SEMMNU = 1024000000;
export const SEMMAP = 1024000000;
export const SEMUSZ = 20;

// Messages.
export const MSGSND = 11;
export const MSGRCV = 12;
export const MSGGET = 13;
export const MSGCTL = 14;
export const MSG_STAT = 11;
export const MSG_INFO = 12;
export const MSG_STAT_ANY = 13;
export const MSG_NOERROR = 4096;
export const MSG_EXCEPT = 8192;
export const MSG_COPY = 16384;
export const MSGMNI = 32000;
export const MSGMAX = 8192;
export const MSGMNB = 16384;
export const MSGPOOL = 512000;
export const MSGTQL = 16384;
export const MSGMAP = 16384;
export const MSGSSZ = 16;
export const MSGSEG = 65535;

// POSIX message queues.
export const MQ_PRIO_MAX = 32768;
export const MQ_BYTES_MAX = 819200;
