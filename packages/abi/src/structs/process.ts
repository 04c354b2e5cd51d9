/** Processes and the system: `sched.h`, `resource.h`, `utsname.h`, `sysinfo.h`, `futex.h`, `rseq.h`, `capability.h`. */
import { array, cstring, pad, struct } from '../codec/composite.js';
import { i32, long, ptr, u16, u32, u64, u64pair, ulong } from '../codec/scalar.js';
import { Timeval } from './time.js';

/** getrusage(2), wait4(2). */
export const Rusage = struct('struct rusage', {
  ru_utime: Timeval,
  ru_stime: Timeval,
  ru_maxrss: long,
  ru_ixrss: long,
  ru_idrss: long,
  ru_isrss: long,
  ru_minflt: long,
  ru_majflt: long,
  ru_nswap: long,
  ru_inblock: long,
  ru_oublock: long,
  ru_msgsnd: long,
  ru_msgrcv: long,
  ru_nsignals: long,
  ru_nvcsw: long,
  ru_nivcsw: long,
});
/** getrlimit(2), prlimit64(2); "no limit" is `RLIM_INFINITY`. */
export const Rlimit = struct('struct rlimit', { rlim_cur: ulong, rlim_max: ulong });
/** sysinfo(2). */
export const Sysinfo = struct('struct sysinfo', {
  uptime: long,
  loads: array(ulong, 3),
  totalram: ulong,
  freeram: ulong,
  sharedram: ulong,
  bufferram: ulong,
  totalswap: ulong,
  freeswap: ulong,
  procs: u16,
  pad: pad(2, 2),
  totalhigh: ulong,
  freehigh: ulong,
  mem_unit: u32,
});
/** uname(2): `struct new_utsname`. */
export const Utsname = struct('struct new_utsname', {
  sysname: cstring(65),
  nodename: cstring(65),
  release: cstring(65),
  version: cstring(65),
  machine: cstring(65),
  domainname: cstring(65),
});
/** clone3(2). `flags` is a pair because CLONE_CLEAR_SIGHAND and CLONE_INTO_CGROUP are above bit 31. */
export const CloneArgs = struct(
  'struct clone_args',
  {
    flags: u64pair,
    pidfd: ptr,
    child_tid: ptr,
    parent_tid: ptr,
    exit_signal: u64,
    stack: ptr,
    stack_size: u64,
    tls: u64,
    set_tid: ptr,
    set_tid_size: u64,
    cgroup: u64,
  },
  { align: 8 },
);
/** sched_setattr(2). */
export const SchedAttr = struct('struct sched_attr', {
  size: u32,
  sched_policy: u32,
  sched_flags: u64,
  sched_nice: i32,
  sched_priority: u32,
  sched_runtime: u64,
  sched_deadline: u64,
  sched_period: u64,
  sched_util_min: u32,
  sched_util_max: u32,
});
/** sched_setscheduler(2). */
export const SchedParam = struct('struct sched_param', { sched_priority: i32 });
/** set_robust_list(2). */
export const RobustListHead = struct('struct robust_list_head', { list: ptr, futex_offset: long, list_op_pending: ptr });
/** futex_waitv(2). */
export const FutexWaitv = struct('struct futex_waitv', { val: u64, uaddr: ptr, flags: u32, __reserved: u32 });
/** rseq(2). */
export const Rseq = struct('struct rseq', { cpu_id_start: u32, cpu_id: u32, rseq_cs: u64, flags: u32 }, { align: 32 });
export const RseqCs = struct(
  'struct rseq_cs',
  { version: u32, flags: u32, start_ip: u64, post_commit_offset: u64, abort_ip: u64 },
  { align: 32 },
);
/** capget(2), capset(2). */
export const CapHeader = struct('struct __user_cap_header_struct', { version: u32, pid: i32 });
/** capget(2), capset(2): one per 32 capabilities. */
export const CapData = struct('struct __user_cap_data_struct', { effective: u32, permitted: u32, inheritable: u32 });
const VfsCapWord = struct('struct vfs_cap_word', { permitted: u32, inheritable: u32 });
/** The security.capability attribute, version 2. */
export const VfsCapData = struct('struct vfs_cap_data', { magic_etc: u32, data: array(VfsCapWord, 2) });
/** The security.capability attribute, version 3. */
export const VfsNsCapData = struct('struct vfs_ns_cap_data', { magic_etc: u32, data: array(VfsCapWord, 2), rootid: u32 });
/** prctl(PR_SET_MM, PR_SET_MM_MAP). */
export const PrctlMmMap = struct('struct prctl_mm_map', {
  start_code: u64,
  end_code: u64,
  start_data: u64,
  end_data: u64,
  start_brk: u64,
  brk: u64,
  start_stack: u64,
  arg_start: u64,
  arg_end: u64,
  env_start: u64,
  env_end: u64,
  auxv: ptr,
  auxv_size: u32,
  exe_fd: u32,
});
