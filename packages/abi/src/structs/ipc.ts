/** System V IPC and POSIX message queues: `ipcbuf.h`, `shmbuf.h`, `sembuf.h`, `msgbuf.h`, `mqueue.h`. */
import { pad, struct } from '../codec/composite.js';
import { i16, i32, i64, long, u16, u32, u64, ulong } from '../codec/scalar.js';

export const Ipc64Perm = struct('struct ipc64_perm', {
  key: i32,
  uid: u32,
  gid: u32,
  cuid: u32,
  cgid: u32,
  mode: u32,
  seq: u16,
  __pad2: pad(2, 2),
  __unused1: pad(8, 8),
  __unused2: pad(8, 8),
});
/** semop(2). */
export const Sembuf = struct('struct sembuf', { sem_num: u16, sem_op: i16, sem_flg: i16 });
/** shmctl(IPC_STAT). */
export const Shmid64Ds = struct('struct shmid64_ds', {
  shm_perm: Ipc64Perm,
  shm_segsz: ulong,
  shm_atime: i64,
  shm_dtime: i64,
  shm_ctime: i64,
  shm_cpid: i32,
  shm_lpid: i32,
  shm_nattch: ulong,
  __unused4: pad(16, 8),
});
/** msgctl(IPC_STAT). */
export const Msqid64Ds = struct('struct msqid64_ds', {
  msg_perm: Ipc64Perm,
  msg_stime: i64,
  msg_rtime: i64,
  msg_ctime: i64,
  msg_cbytes: ulong,
  msg_qnum: ulong,
  msg_qbytes: ulong,
  msg_lspid: i32,
  msg_lrpid: i32,
  __unused4: pad(16, 8),
});
/** shmctl(IPC_INFO). */
export const Shminfo64 = struct('struct shminfo64', {
  shmmax: u64,
  shmmin: ulong,
  shmmni: ulong,
  shmseg: ulong,
  shmall: u64,
  _unused: pad(32, 8),
});
/** mq_getattr(3). */
export const MqAttr = struct('struct mq_attr', {
  mq_flags: long,
  mq_maxmsg: long,
  mq_msgsize: long,
  mq_curmsgs: long,
  __reserved: pad(32, 8),
});
