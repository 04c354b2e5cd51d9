import { CAP_SYS_ADMIN, EACCES, EINVAL, EPERM, OVERCOMMIT_NEVER } from '@sbx/abi';
import type { Kernel } from '../../kernel.js';
import { CommitAccount } from '../../mm/commit-account.js';
import { MAX_MAP_COUNT, MMAP_MIN_ADDR } from '../../mm/constants.js';
import { MAX_WATCHES as MAX_EPOLL_WATCHES } from '../../poll/epoll.js';
import { KERNEL_RELEASE, KERNEL_VERSION, MACHINE } from '../../system/release.js';
import { PID_MAX, type Task } from '../../task/task.js';
import { MAX_DESCRIPTORS } from '../../vfs/fd-table.js';
import type { Caller, Inode } from '../../vfs/inode.js';
import { MAX_INSTANCES, MAX_QUEUED_EVENTS, MAX_WATCHES } from '../../vfs/inotify.js';
import type { SuperBlock } from '../../vfs/super-block.js';
import { POOL_BITS } from '../dev/memory-devices.js';
import { Terminals } from '../dev/terminals.js';
import { MAX_PTYS } from '../dev/tty/devpts.js';
import { MAX_PIPE_SIZE } from '../pipe/pipe.js';
import { StaticDirectory } from '../pseudo/pseudo-directory.js';
import { TextFile } from '../pseudo/text-file.js';
import { parseNumber } from './process-files.js';

const NAME_LENGTH = 64;

/** A variable: its value as text without the newline; how it is set, if it can be. */
interface Variable {
  readonly get: (kernel: Kernel) => string | number;
  readonly set?: (kernel: Kernel, text: string, task: Task) => number;
  readonly mode?: number;
}
type Value = Variable | string | number;

function constant(value: string | number): Variable {
  return { get: () => value };
}

/** A number that may be set within bounds. */
function number(get: (kernel: Kernel) => number, set: (kernel: Kernel, value: number) => void, least: number, most: number): Variable {
  return {
    get,
    set: (kernel, text) => {
      const value = parseNumber(text);
      if (!(value >= least && value <= most)) return -EINVAL;
      set(kernel, value);
      return 0;
    },
  };
}
function commit(kernel: Kernel): CommitAccount {
  return CommitAccount.of(kernel.memory, kernel.limits.memory);
}

function uuid(kernel: Kernel): string {
  const bytes = Buffer.alloc(16);
  kernel.random(bytes);
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
const bootIds = new WeakMap<Kernel, string>();
function bootId(kernel: Kernel): string {
  let id = bootIds.get(kernel);
  if (id === undefined) bootIds.set(kernel, (id = uuid(kernel)));
  return id;
}

/** hostname and domainname: a line without its newline. */
function utsName(key: 'hostname' | 'domainname'): Variable {
  return {
    get: (kernel) => kernel[key],
    set: (kernel, text, task) => {
      if (!task.credentials.capable(CAP_SYS_ADMIN)) return -EPERM;
      kernel[key] = text.split('\n')[0].split('\0')[0].slice(0, NAME_LENGTH);
      return 0;
    },
  };
}

const corePatterns = new WeakMap<Kernel, string>();

/** Everything under /proc/sys, by path. What has no way to be set is what this kernel is built with. */
const variables: readonly (readonly [string, Value])[] = [
  ['kernel/ostype', 'Linux'],
  ['kernel/osrelease', KERNEL_RELEASE],
  ['kernel/version', KERNEL_VERSION],
  ['kernel/arch', MACHINE],
  ['kernel/hostname', utsName('hostname')],
  ['kernel/domainname', utsName('domainname')],
  ['kernel/pid_max', PID_MAX],
  ['kernel/threads-max', { get: (kernel) => kernel.limits.tasks }],
  ['kernel/ngroups_max', 65536],
  ['kernel/cap_last_cap', 40],
  ['kernel/overflowuid', 65534],
  ['kernel/overflowgid', 65534],
  ['kernel/randomize_va_space', 2],
  [
    'kernel/core_pattern',
    {
      get: (kernel) => corePatterns.get(kernel) ?? 'core',
      set: (kernel, text) => {
        corePatterns.set(kernel, text.split('\n')[0].slice(0, 127));
        return 0;
      },
    },
  ],
  ['kernel/core_uses_pid', 0],
  ['kernel/core_pipe_limit', 0],
  ['kernel/dmesg_restrict', 1],
  ['kernel/kptr_restrict', 0],
  ['kernel/modules_disabled', 1],
  ['kernel/panic', 0],
  ['kernel/perf_event_paranoid', 3],
  ['kernel/printk', '4\t4\t1\t7'],
  ['kernel/sched_rr_timeslice_ms', 100],
  ['kernel/sem', '32000\t1024000000\t500\t32000'],
  ['kernel/shmall', '18446744073692774399'],
  ['kernel/shmmax', '18446744073692774399'],
  ['kernel/shmmni', 4096],
  ['kernel/msgmax', 8192],
  ['kernel/msgmnb', 16384],
  ['kernel/msgmni', 32000],
  ['kernel/tainted', 0],
  ['kernel/unprivileged_bpf_disabled', 2],
  ['kernel/random/boot_id', { get: bootId }],
  ['kernel/random/uuid', { get: uuid }],
  ['kernel/random/entropy_avail', POOL_BITS],
  ['kernel/random/poolsize', POOL_BITS],
  ['kernel/random/urandom_min_reseed_secs', 60],
  ['kernel/random/write_wakeup_threshold', POOL_BITS],
  ['kernel/pty/max', MAX_PTYS],
  ['kernel/pty/nr', { get: (kernel) => Terminals.of(kernel).devpts.terminals.filter((inode) => inode !== null).length }],
  ['kernel/pty/reserve', 0],
  ['fs/file-max', '9223372036854775807'],
  ['fs/file-nr', '0\t0\t9223372036854775807'],
  ['fs/nr_open', MAX_DESCRIPTORS],
  ['fs/inode-nr', { get: (kernel) => `${kernel.vfs.namesInUse}\t0` }],
  ['fs/inode-state', { get: (kernel) => `${kernel.vfs.namesInUse}\t0\t0\t0\t0\t0\t0` }],
  ['fs/dentry-state', { get: (kernel) => `${kernel.vfs.cache.unusedCount}\t${kernel.vfs.cache.unusedCount}\t45\t0\t0\t0` }],
  ['fs/aio-max-nr', 65536],
  ['fs/aio-nr', 0],
  ['fs/mount-max', 4096],
  ['fs/pipe-max-size', MAX_PIPE_SIZE],
  ['fs/pipe-user-pages-hard', 0],
  ['fs/pipe-user-pages-soft', 16384],
  ['fs/lease-break-time', 45],
  ['fs/leases-enable', 1],
  ['fs/overflowuid', 65534],
  ['fs/overflowgid', 65534],
  ['fs/suid_dumpable', 0],
  ['fs/inotify/max_queued_events', MAX_QUEUED_EVENTS],
  ['fs/inotify/max_user_instances', MAX_INSTANCES],
  ['fs/inotify/max_user_watches', MAX_WATCHES],
  ['fs/epoll/max_user_watches', MAX_EPOLL_WATCHES],
  ['fs/mqueue/msg_default', 10],
  ['fs/mqueue/msg_max', 10],
  ['fs/mqueue/msgsize_default', 8192],
  ['fs/mqueue/msgsize_max', 8192],
  ['fs/mqueue/queues_max', 256],
  [
    'fs/protected_symlinks',
    number(
      (kernel) => Number(kernel.vfs.protectedSymlinks),
      (kernel, value) => {
        kernel.vfs.protectedSymlinks = value !== 0;
      },
      0,
      1,
    ),
  ],
  [
    'fs/protected_hardlinks',
    number(
      (kernel) => Number(kernel.vfs.protectedHardlinks),
      (kernel, value) => {
        kernel.vfs.protectedHardlinks = value !== 0;
      },
      0,
      1,
    ),
  ],
  [
    'fs/protected_fifos',
    number(
      (kernel) => kernel.vfs.protectedFifos,
      (kernel, value) => {
        kernel.vfs.protectedFifos = value;
      },
      0,
      2,
    ),
  ],
  [
    'fs/protected_regular',
    number(
      (kernel) => kernel.vfs.protectedRegular,
      (kernel, value) => {
        kernel.vfs.protectedRegular = value;
      },
      0,
      2,
    ),
  ],
  [
    'vm/overcommit_memory',
    number(
      (kernel) => commit(kernel).mode,
      (kernel, value) => {
        commit(kernel).mode = value;
      },
      0,
      OVERCOMMIT_NEVER,
    ),
  ],
  [
    'vm/overcommit_ratio',
    number(
      (kernel) => commit(kernel).ratio,
      (kernel, value) => {
        commit(kernel).ratio = value;
      },
      0,
      1000,
    ),
  ],
  ['vm/overcommit_kbytes', 0],
  ['vm/max_map_count', MAX_MAP_COUNT],
  ['vm/mmap_min_addr', MMAP_MIN_ADDR],
  ['vm/mmap_rnd_bits', 28],
  ['vm/swappiness', 60],
  ['vm/dirty_ratio', 20],
  ['vm/dirty_background_ratio', 10],
  ['vm/vfs_cache_pressure', 100],
  ['vm/page-cluster', 3],
  ['vm/min_free_kbytes', 4096],
  ['vm/nr_hugepages', 0],
  ['vm/oom_kill_allocating_task', 0],
  ['vm/panic_on_oom', 0],
  ['vm/legacy_va_layout', 0],
  ['vm/unprivileged_userfaultfd', 0],
  ['vm/zone_reclaim_mode', 0],
  [
    'vm/drop_caches',
    {
      get: () => 0,
      mode: 0o200,
      set: (kernel, text) => {
        const value = parseNumber(text);
        if (!(value >= 1 && value <= 4)) return -EINVAL;
        kernel.vfs.cache.clear();
        return 0;
      },
    },
  ],
  ['net/core/somaxconn', 4096],
  ['net/core/rmem_default', 212992],
  ['net/core/rmem_max', 212992],
  ['net/core/wmem_default', 212992],
  ['net/core/wmem_max', 212992],
  ['net/core/netdev_max_backlog', 1000],
  ['net/core/optmem_max', 20480],
  ['net/ipv4/ip_forward', 0],
  ['net/ipv4/ip_local_port_range', '32768\t60999'],
  ['net/ipv4/ip_unprivileged_port_start', 1024],
  ['net/ipv4/ping_group_range', '1\t0'],
  ['net/ipv4/tcp_congestion_control', 'reno'],
  ['net/ipv4/tcp_available_congestion_control', 'reno'],
  ['net/ipv4/tcp_fin_timeout', 60],
  ['net/ipv4/tcp_keepalive_time', 7200],
  ['net/ipv4/tcp_keepalive_intvl', 75],
  ['net/ipv4/tcp_keepalive_probes', 9],
  ['net/ipv4/tcp_max_syn_backlog', 128],
  ['net/ipv4/tcp_rmem', '4096\t131072\t6291456'],
  ['net/ipv4/tcp_wmem', '4096\t16384\t4194304'],
  ['net/ipv4/tcp_syncookies', 1],
  ['net/ipv4/tcp_tw_reuse', 2],
  ['net/ipv6/bindv6only', 0],
  ['net/ipv6/conf/all/disable_ipv6', 0],
  ['net/ipv6/conf/default/disable_ipv6', 0],
  ['net/ipv6/conf/lo/disable_ipv6', 0],
  ['net/unix/max_dgram_qlen', 512],
];

class SysctlFile extends TextFile {
  constructor(
    superBlock: SuperBlock,
    ino: number,
    private readonly variable: Variable,
  ) {
    super(superBlock, ino, variable.mode ?? (variable.set === undefined ? 0o444 : 0o644));
  }
  override get pollable(): boolean {
    return true;
  }
  /** Who is root, and nobody's capabilities, decides (test_perm in Linux). */
  override permission(caller: Caller, mask: number): number {
    const { credentials } = caller;
    const isRoot = credentials.euid === 0;
    const granted = isRoot ? this.mode >> 6 : credentials.egid === 0 || credentials.groups.includes(0) ? this.mode >> 3 : this.mode;
    return (mask & 7 & ~granted) === 0 ? 0 : -EACCES;
  }
  override generate(): string {
    return `${this.variable.get(this.superBlock.kernel)}\n`;
  }
  override store(task: Task, text: string): number {
    return this.variable.set?.(this.superBlock.kernel, text, task) ?? -EPERM;
  }
}

/** /proc/sys: a directory for each part of the paths. */
export function sysctlDirectory(superBlock: SuperBlock, nextIno: () => number): StaticDirectory {
  return directory(superBlock, nextIno, '');
}

function directory(superBlock: SuperBlock, nextIno: () => number, prefix: string): StaticDirectory {
  return new StaticDirectory(superBlock, nextIno(), () => {
    const entries = new Map<string, Inode>();
    for (const [path, value] of variables) {
      if (!path.startsWith(prefix)) continue;
      const rest = path.slice(prefix.length);
      const slash = rest.indexOf('/');
      const name = slash < 0 ? rest : rest.slice(0, slash);
      if (entries.has(name)) continue;
      if (slash >= 0) entries.set(name, directory(superBlock, nextIno, `${prefix}${name}/`));
      else entries.set(name, new SysctlFile(superBlock, nextIno(), typeof value === 'object' ? value : constant(value)));
    }
    return entries;
  });
}
