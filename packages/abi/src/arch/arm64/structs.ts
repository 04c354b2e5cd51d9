/**
 * Structs whose layout on arm64 is arm64's own: `stat`, `epoll_event`, `semid64_ds`, and what signals and ptrace see of the registers.
 * Registers are pairs of 32-bit halves: every bit of them counts.
 */
import { array, bytes, pad, struct } from '../../codec/composite.js';
import { i32, i64, long, u32, u64, u64pair, ulong } from '../../codec/scalar.js';
import { Ipc64Perm } from '../../structs/ipc.js';
import { SigaltStack, SiginfoKill } from '../../structs/signal.js';

/** stat(2). */
export const Stat = struct('struct stat', {
  st_dev: ulong,
  st_ino: ulong,
  st_mode: u32,
  st_nlink: u32,
  st_uid: u32,
  st_gid: u32,
  st_rdev: ulong,
  __pad1: pad(8, 8),
  st_size: long,
  st_blksize: i32,
  __pad2: pad(4, 4),
  st_blocks: long,
  st_atime: i64,
  st_atime_nsec: ulong,
  st_mtime: i64,
  st_mtime_nsec: ulong,
  st_ctime: i64,
  st_ctime_nsec: ulong,
  __unused4: pad(4, 4),
  __unused5: pad(4, 4),
});

/** epoll_ctl(2). */
export const EpollEvent = struct('struct epoll_event', { events: u32, data: u64pair });

/** semctl(IPC_STAT). */
export const Semid64Ds = struct('struct semid64_ds', {
  sem_perm: Ipc64Perm,
  sem_otime: i64,
  sem_ctime: i64,
  sem_nsems: ulong,
  __unused3: pad(16, 8),
});

/** Registers in a signal frame; `__reserved` holds a list of records, each with an {@link Aarch64Ctx} head, ended by an empty one. */
export const Sigcontext = struct(
  'struct sigcontext',
  {
    fault_address: u64pair,
    regs: array(u64pair, 31),
    sp: u64pair,
    pc: u64pair,
    pstate: u64pair,
    _align: pad(0, 16),
    __reserved: bytes(4096),
  },
  { align: 16 },
);
/** A handler's third argument. */
export const Ucontext = struct('struct ucontext', {
  uc_flags: ulong,
  uc_link: u64,
  uc_stack: SigaltStack,
  uc_sigmask: u64pair,
  __unused: pad(120),
  uc_mcontext: Sigcontext,
});
/** What a signal delivery pushes (`struct rt_sigframe`). */
export const RtSigframe = struct('struct rt_sigframe', { info: SiginfoKill, uc: Ucontext });

/** Head of a record in `__reserved` of the sigcontext. */
export const Aarch64Ctx = struct('struct _aarch64_ctx', { magic: u32, size: u32 });
/** FP and SIMD registers. */
export const FpsimdContext = struct(
  'struct fpsimd_context',
  { head: Aarch64Ctx, fpsr: u32, fpcr: u32, vregs: array(u64pair, 64) },
  { align: 16 },
);
/** The syndrome of a fault. */
export const EsrContext = struct('struct esr_context', { head: Aarch64Ctx, esr: u64pair });
/** Records that do not fit in `__reserved` are elsewhere. */
export const ExtraContext = struct('struct extra_context', { head: Aarch64Ctx, datap: u64, size: u32, __reserved: pad(12, 4) });
export const FPSIMD_MAGIC = 0x46508001;
export const ESR_MAGIC = 0x45535201;
export const EXTRA_MAGIC = 0x45585401;
export const SVE_MAGIC = 0x53564501;

/** PTRACE_GETREGSET of NT_PRSTATUS (`struct user_pt_regs`). */
export const UserRegs = struct('struct user_pt_regs', { regs: array(u64pair, 31), sp: u64pair, pc: u64pair, pstate: u64pair });
/** PTRACE_GETREGSET of NT_PRFPREG. */
export const UserFpregs = struct(
  'struct user_fpsimd_state',
  { vregs: array(u64pair, 64), fpsr: u32, fpcr: u32, __reserved: pad(8, 4) },
  { align: 16 },
);
