import { MEMORY_ANONYMOUS, MEMORY_MAPPED, MEMORY_PAGE_CACHE, MEMORY_TMPFS } from '@sbx/platform';
import type { Kernel } from '../../kernel.js';
import { CommitAccount } from '../../mm/commit-account.js';
import { KERNEL_RELEASE, KERNEL_VERSION } from '../../system/release.js';
import { TASK_BLOCKED, TASK_RUNNABLE, TASK_RUNNING, TASK_ZOMBIE, type Task } from '../../task/task.js';
import { processSystemTime, processUserTime } from '../../time/cpu-time.js';
import type { SuperBlock } from '../../vfs/super-block.js';
import { TextFile } from '../pseudo/text-file.js';
import { kilobytes, seconds, ticks, uptime } from './format.js';
import { loadAverages } from './load-average.js';

const PAGE_SIZE = 4096;

/** A file about the system as a whole. Accepted by poll, as in Linux. */
export class SystemFile extends TextFile {
  constructor(
    superBlock: SuperBlock,
    ino: number,
    private readonly text: (kernel: Kernel, reader: Task) => string,
    mode = 0o444,
  ) {
    super(superBlock, ino, mode);
  }
  override get pollable(): boolean {
    return true;
  }
  override generate(reader: Task): string {
    return this.text(this.superBlock.kernel, reader);
  }
}

/** CPU time of everything that ever ran, in nanoseconds: user, system. */
function totalTimes(kernel: Kernel): readonly [number, number] {
  let user = 0;
  let system = 0;
  for (const group of kernel.processes.values()) {
    user += processUserTime(group) + group.childrenUserTime;
    system += processSystemTime(group) + group.childrenSystemTime;
  }
  return [user, system];
}

/** Threads that want to run now; that wait for something that can't be interrupted. */
export function countTasks(kernel: Kernel): { running: number; blocked: number; total: number } {
  const counts = { running: 0, blocked: 0, total: 0 };
  for (const task of kernel.tasks.values()) {
    if (task.state >= TASK_ZOMBIE) continue;
    counts.total++;
    if (task.state === TASK_RUNNABLE || task.state === TASK_RUNNING) counts.running++;
    else if (task.state === TASK_BLOCKED && !task.wait.interruptible) counts.blocked++;
  }
  return counts;
}

function stat(kernel: Kernel): string {
  const cpus = kernel.platform.concurrency;
  const [user, system] = totalTimes(kernel);
  const now = uptime(kernel);
  const idle = Math.max(0, now * cpus - user - system);
  const cpu = (name: string, share: number): string =>
    `${name} ${ticks(user / share)} 0 ${ticks(system / share)} ${ticks(idle / share)} 0 0 0 0 0 0\n`;
  let text = cpu('cpu ', 1);
  for (let i = 0; i < cpus; i++) text += cpu(`cpu${i}`, cpus);
  let switches = 0;
  for (const task of kernel.tasks.values()) switches += task.voluntarySwitches + task.involuntarySwitches;
  kernel.clock.readRealtime();
  const boot = Math.floor(kernel.clock.seconds - now / 1e9);
  const counts = countTasks(kernel);
  text += `intr 0\nctxt ${switches}\nbtime ${boot}\nprocesses ${kernel.forks}\n`;
  return `${text}procs_running ${counts.running}\nprocs_blocked ${counts.blocked}\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n`;
}

function meminfo(kernel: Kernel): string {
  const { memory } = kernel;
  memory.updateUsage();
  const total = kernel.limits.memory;
  const free = Math.max(0, total - memory.totalUsage());
  const anonymous = memory.usage(MEMORY_ANONYMOUS);
  const cache = memory.usage(MEMORY_PAGE_CACHE);
  const shared = memory.usage(MEMORY_TMPFS);
  const commit = CommitAccount.of(memory, total);
  const rows: readonly (readonly [string, number])[] = [
    ['MemTotal', total],
    ['MemFree', free],
    ['MemAvailable', Math.min(total, free + cache)],
    ['Buffers', 0],
    ['Cached', cache + shared],
    ['SwapCached', 0],
    ['Active', anonymous],
    ['Inactive', cache + shared],
    ['Active(anon)', anonymous],
    ['Inactive(anon)', shared],
    ['Active(file)', 0],
    ['Inactive(file)', cache],
    ['Unevictable', 0],
    ['Mlocked', 0],
    ['SwapTotal', 0],
    ['SwapFree', 0],
    ['Dirty', 0],
    ['Writeback', 0],
    ['AnonPages', anonymous],
    ['Mapped', memory.usage(MEMORY_MAPPED)],
    ['Shmem', shared],
    ['KReclaimable', 0],
    ['Slab', 0],
    ['SReclaimable', 0],
    ['SUnreclaim', 0],
    ['KernelStack', kernel.tasks.size * 16384],
    ['PageTables', 0],
    ['NFS_Unstable', 0],
    ['Bounce', 0],
    ['WritebackTmp', 0],
    ['CommitLimit', commit.limit * PAGE_SIZE],
    ['Committed_AS', commit.committed * PAGE_SIZE],
    ['VmallocTotal', 2 ** 45 - 1024],
    ['VmallocUsed', 0],
    ['VmallocChunk', 0],
    ['Percpu', 0],
    ['AnonHugePages', 0],
    ['ShmemHugePages', 0],
    ['ShmemPmdMapped', 0],
    ['FileHugePages', 0],
    ['FilePmdMapped', 0],
  ];
  let text = '';
  for (const [name, bytes] of rows) text += kilobytes(name, bytes);
  for (const name of ['Total', 'Free', 'Rsvd', 'Surp']) text += `${`HugePages_${name}:`.padEnd(18)}${'0'.padStart(5)}\n`;
  return text + kilobytes('Hugepagesize', 2 ** 21) + kilobytes('Hugetlb', 0) + kilobytes('DirectMap4k', total);
}

function vmstat(kernel: Kernel): string {
  const { memory } = kernel;
  const pages = (bytes: number): number => Math.floor(bytes / PAGE_SIZE);
  let faults = 0;
  for (const task of kernel.tasks.values()) if (task.state < TASK_ZOMBIE && task === task.threadGroup.leader) faults += task.mm.faults;
  const rows: readonly (readonly [string, number])[] = [
    ['nr_free_pages', pages(Math.max(0, kernel.limits.memory - memory.totalUsage()))],
    ['nr_inactive_anon', pages(memory.usage(MEMORY_TMPFS))],
    ['nr_active_anon', pages(memory.usage(MEMORY_ANONYMOUS))],
    ['nr_inactive_file', pages(memory.usage(MEMORY_PAGE_CACHE))],
    ['nr_active_file', 0],
    ['nr_anon_pages', pages(memory.usage(MEMORY_ANONYMOUS))],
    ['nr_mapped', pages(memory.usage(MEMORY_MAPPED))],
    ['nr_file_pages', pages(memory.usage(MEMORY_PAGE_CACHE) + memory.usage(MEMORY_TMPFS))],
    ['nr_dirty', 0],
    ['nr_writeback', 0],
    ['nr_shmem', pages(memory.usage(MEMORY_TMPFS))],
    ['pgpgin', 0],
    ['pgpgout', 0],
    ['pswpin', 0],
    ['pswpout', 0],
    ['pgfault', faults],
    ['pgmajfault', 0],
    ['oom_kill', 0],
  ];
  return rows.map(([name, value]) => `${name} ${value}\n`).join('');
}

/** Blocks of the host's cpuinfo, renumbered for the CPUs that programs have; a plain one where the host's is not known. */
export function cpuinfo(host: string, cpus: number): string {
  const blocks = host.split(/\n\n+/).filter((block) => /^processor\s*:/m.test(block));
  const plain = 'processor\t: 0\nvendor_id\t: unknown\ncpu family\t: 6\nmodel\t\t: 1\nmodel name\t: unknown\nstepping\t: 0';
  let text = '';
  for (let cpu = 0; cpu < cpus; cpu++) {
    const block = blocks.length === 0 ? plain : blocks[cpu % blocks.length];
    const numbers: Readonly<Record<string, number>> = {
      processor: cpu,
      'physical id': 0,
      siblings: cpus,
      'core id': cpu,
      'cpu cores': cpus,
      apicid: cpu,
      'initial apicid': cpu,
    };
    const lines = block.trim().split('\n');
    text += `${lines.map((line) => renumber(line, numbers)).join('\n')}\n\n`;
  }
  return text;
}

function renumber(line: string, numbers: Readonly<Record<string, number>>): string {
  const match = /^([^\t:]+)(\s*:\s*)/.exec(line);
  const value = match === null ? undefined : numbers[match[1].trim()];
  return value === undefined || match === null ? line : `${match[1]}${match[2]}${value}`;
}

function filesystems(kernel: Kernel): string {
  const internal = ['sockfs', 'pipefs', 'anon_inodefs'].map((name) => `nodev\t${name}\n`).join('');
  return internal + [...kernel.vfs.types.values()].map((type) => `${type.requiresDevice ? '' : 'nodev'}\t${type.name}\n`).join('');
}

function devices(kernel: Kernel): string {
  const list = (drivers: Kernel['vfs']['devices']['characterDevices']): string => {
    const seen = new Set<string>();
    let text = '';
    for (const { major, driver } of [...drivers].sort((a, b) => a.major - b.major)) {
      const row = `${String(major).padStart(3)} ${driver.name}\n`;
      if (!seen.has(row)) text += row;
      seen.add(row);
    }
    return text;
  };
  return `Character devices:\n${list(kernel.vfs.devices.characterDevices)}\nBlock devices:\n${list(kernel.vfs.devices.blockDevices)}`;
}

function loadavg(kernel: Kernel): string {
  const [user, system] = totalTimes(kernel);
  const averages = loadAverages(kernel, user + system).map((load) => load.toFixed(2));
  const counts = countTasks(kernel);
  return `${averages.join(' ')} ${counts.running}/${counts.total} ${kernel.lastId}\n`;
}

function idleTime(kernel: Kernel): number {
  const [user, system] = totalTimes(kernel);
  return Math.max(0, uptime(kernel) * kernel.platform.concurrency - user - system);
}

const TTY_DRIVERS =
  '/dev/tty             /dev/tty        5       0 system:/dev/tty\n' +
  '/dev/console         /dev/console    5       1 system:console\n' +
  '/dev/ptmx            /dev/ptmx       5       2 system\n' +
  'pty_slave            /dev/pts      136 0-1048575 pty:slave\n' +
  'pty_master           /dev/ptm      128 0-1048575 pty:master\n';

/** Files at the top of /proc, by name. */
export const systemTexts: Readonly<Record<string, (kernel: Kernel) => string>> = {
  cgroups: () => '#subsys_name\thierarchy\tnum_cgroups\tenabled\n',
  cmdline: () => 'BOOT_IMAGE=sbx ro quiet\n',
  consoles: () => '',
  devices,
  diskstats: () => '',
  execdomains: () => '0-0\tLinux           \t[kernel]\n',
  filesystems,
  interrupts: (kernel) => `           ${Array.from({ length: kernel.platform.concurrency }, (_, i) => `CPU${i}       `).join('')}\n`,
  loadavg,
  locks: () => '',
  meminfo,
  misc: () => '',
  modules: () => '',
  partitions: () => 'major minor  #blocks  name\n\n',
  stat,
  swaps: () => 'Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n',
  uptime: (kernel) => `${seconds(uptime(kernel))} ${seconds(idleTime(kernel))}\n`,
  version: () => `Linux version ${KERNEL_RELEASE} (sbx@sbx) ${KERNEL_VERSION}\n`,
  vmstat,
};

/** Files in /proc/tty. */
export const ttyTexts: Readonly<Record<string, (kernel: Kernel) => string>> = {
  drivers: () => TTY_DRIVERS,
  ldiscs: () => 'n_tty       0\n',
};
