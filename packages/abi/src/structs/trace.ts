/** Tracing and filtering: `ptrace.h`, `seccomp.h`, `kcov.h`. Register sets are in `arch/`. */
import { array, pad, struct } from '../codec/composite.js';
import { i32, u8, u16, u32, u64, u64pair } from '../codec/scalar.js';

/** What a seccomp filter sees. */
export const SeccompData = struct('struct seccomp_data', { nr: i32, arch: u32, instruction_pointer: u64pair, args: array(u64pair, 6) });
/** SECCOMP_GET_NOTIF_SIZES. */
export const SeccompNotifSizes = struct('struct seccomp_notif_sizes', { seccomp_notif: u16, seccomp_notif_resp: u16, seccomp_data: u16 });
export const SeccompNotif = struct('struct seccomp_notif', { id: u64pair, pid: u32, flags: u32, data: SeccompData });
export const SeccompNotifResp = struct('struct seccomp_notif_resp', { id: u64pair, val: u64pair, error: i32, flags: u32 });
/** PTRACE_PEEKSIGINFO. */
export const PtracePeeksiginfoArgs = struct('struct ptrace_peeksiginfo_args', { off: u64, flags: u32, nr: i32 });
/** PTRACE_GET_SYSCALL_INFO at an entry stop. */
export const PtraceSyscallInfoEntry = struct('struct ptrace_syscall_info', {
  op: u8,
  pad: pad(3),
  arch: u32,
  instruction_pointer: u64pair,
  stack_pointer: u64pair,
  nr: u64pair,
  args: array(u64pair, 6),
  _rest: pad(8, 8),
});
/** PTRACE_GET_SYSCALL_INFO at an exit stop. */
export const PtraceSyscallInfoExit = struct(
  'struct ptrace_syscall_info',
  {
    op: u8,
    pad: pad(3),
    arch: u32,
    instruction_pointer: u64pair,
    stack_pointer: u64pair,
    rval: u64pair,
    is_error: u8,
    _rest: pad(55),
  },
  { align: 8 },
);
/** KCOV_REMOTE_ENABLE: the fixed part; handles follow. */
export const KcovRemoteArg = struct(
  'struct kcov_remote_arg',
  { trace_mode: u32, area_size: u32, num_handles: u32, common_handle: u64pair },
  { align: 8 },
);
