import { debugFiles } from '#kcov';
import type { Kernel } from '../../kernel.js';
import { firstN, maskOf } from '../proc/format.js';
import type { SysAttribute, SysDirectory, SysLink, SysNode } from './sys.js';

/** A directory with the given entries. */
function directory(entries: Readonly<Record<string, SysNode>> = {}, mode?: number): SysDirectory {
  return { entries: () => Object.entries(entries), ...(mode === undefined ? {} : { mode }) };
}
/** A directory whose entries depend on the kernel. */
function computed(entries: (kernel: Kernel) => Readonly<Record<string, SysNode>>): SysDirectory {
  return { entries: (kernel) => Object.entries(entries(kernel)) };
}
function link(target: string): SysLink {
  return { target };
}
/** An attribute: its value, to which the newline is added. */
function attribute(value: string | number | ((kernel: Kernel) => string | number)): SysAttribute {
  return { text: (kernel) => `${typeof value === 'function' ? value(kernel) : value}\n` };
}
const cpus = (kernel: Kernel): number => kernel.platform.concurrency;
const cpuList = attribute((kernel) => firstN(cpus(kernel)));
const cpuMask = attribute((kernel) => maskOf(cpus(kernel)));
const nothing = attribute('');

/** One processor: alone in its core, all of them in one package. */
function cpu(index: number): SysDirectory {
  const own = attribute((2 ** (index % 32)).toString(16) + ',00000000'.repeat(Math.floor(index / 32)));
  return directory({
    ...(index === 0 ? {} : { online: attribute(1) }),
    node0: link('../../node/node0'),
    subsystem: link('../../../../bus/cpu'),
    topology: directory({
      core_cpus: own,
      core_cpus_list: attribute(index),
      core_id: attribute(index),
      core_siblings: cpuMask,
      core_siblings_list: cpuList,
      die_cpus: cpuMask,
      die_cpus_list: cpuList,
      die_id: attribute(0),
      package_cpus: cpuMask,
      package_cpus_list: cpuList,
      physical_package_id: attribute(0),
      thread_siblings: own,
      thread_siblings_list: attribute(index),
    }),
  });
}

function cpuLinks(kernel: Kernel): Record<string, SysNode> {
  const links: Record<string, SysNode> = {};
  for (let i = 0; i < cpus(kernel); i++) links[`cpu${i}`] = link(`../../cpu/cpu${i}`);
  return links;
}

const cpuDirectory = computed((kernel) => {
  const entries: Record<string, SysNode> = {};
  for (let i = 0; i < cpus(kernel); i++) entries[`cpu${i}`] = cpu(i);
  return {
    ...entries,
    isolated: nothing,
    kernel_max: attribute((k) => cpus(k) - 1),
    nohz_full: nothing,
    offline: nothing,
    online: cpuList,
    possible: cpuList,
    present: cpuList,
    smt: directory({ active: attribute(0), control: attribute('notsupported') }),
    vulnerabilities: directory(),
  };
});

function memoryOf(kernel: Kernel): string {
  const total = Math.floor(kernel.limits.memory / 1024);
  const used = Math.min(total, Math.floor(kernel.memory.totalUsage() / 1024));
  const row = (name: string, value: number): string => `Node 0 ${`${name}:`.padEnd(14)} ${String(value).padStart(9)} kB`;
  return [row('MemTotal', total), row('MemFree', total - used), row('MemUsed', used)].join('\n');
}

const nodeDirectory = directory({
  has_cpu: attribute(0),
  has_memory: attribute(0),
  has_normal_memory: attribute(0),
  node0: computed((kernel) => ({
    ...Object.fromEntries(Object.entries(cpuLinks(kernel)).map(([name, node]) => [name, node] as const)),
    cpulist: cpuList,
    cpumap: cpuMask,
    distance: attribute(10),
    meminfo: attribute(memoryOf),
    numastat: attribute('numa_hit 0\nnuma_miss 0\nnuma_foreign 0\ninterleave_hit 0\nlocal_node 0\nother_node 0'),
  })),
  online: attribute(0),
  possible: attribute(0),
});

/** A character device, as /sys/devices/virtual/CLASS/NAME shows it. */
function device(name: string, major: number, minor: number, group: string): SysDirectory {
  return directory({
    dev: attribute(`${major}:${minor}`),
    subsystem: link(`../../../../class/${group}`),
    uevent: attribute(`MAJOR=${major}\nMINOR=${minor}\nDEVNAME=${name}`),
  });
}
const MEMORY_DEVICES: readonly (readonly [string, number])[] = [
  ['null', 3],
  ['zero', 5],
  ['full', 7],
  ['random', 8],
  ['urandom', 9],
];
const TTY_DEVICES: readonly (readonly [string, number])[] = [
  ['tty', 0],
  ['console', 1],
  ['ptmx', 2],
];

function devicesOf(list: readonly (readonly [string, number])[], major: number, group: string): SysDirectory {
  return directory(Object.fromEntries(list.map(([name, minor]) => [name, device(name, major, minor, group)])));
}
function linksTo(list: readonly (readonly [string, number])[], group: string): SysDirectory {
  return directory(Object.fromEntries(list.map(([name]) => [name, link(`../../devices/virtual/${group}/${name}`)])));
}

const loopback = directory({
  addr_len: attribute(6),
  address: attribute('00:00:00:00:00:00'),
  broadcast: attribute('00:00:00:00:00:00'),
  carrier: attribute(1),
  dev_id: attribute('0x0'),
  dormant: attribute(0),
  flags: attribute('0x9'),
  ifindex: attribute(1),
  iflink: attribute(1),
  link_mode: attribute(0),
  mtu: attribute(65536),
  operstate: attribute('unknown'),
  statistics: directory(
    Object.fromEntries(
      ['rx_bytes', 'rx_dropped', 'rx_errors', 'rx_packets', 'tx_bytes', 'tx_dropped', 'tx_errors', 'tx_packets'].map((name) => [
        name,
        attribute(0),
      ]),
    ),
  ),
  subsystem: link('../../../../class/net'),
  tx_queue_len: attribute(1000),
  type: attribute(772),
  uevent: attribute('INTERFACE=lo\nIFINDEX=1'),
});

const characterLinks = directory({
  ...Object.fromEntries(MEMORY_DEVICES.map(([name, minor]) => [`1:${minor}`, link(`../../devices/virtual/mem/${name}`)])),
  ...Object.fromEntries(TTY_DEVICES.map(([name, minor]) => [`5:${minor}`, link(`../../devices/virtual/tty/${name}`)])),
});

const hugePages = directory({
  defrag: attribute('always defer defer+madvise [madvise] never'),
  enabled: attribute('always madvise [never]'),
  hpage_pmd_size: attribute(2 ** 21),
  khugepaged: directory({ defrag: attribute(0), pages_to_scan: attribute(4096), scan_sleep_millisecs: attribute(10000) }),
  shmem_enabled: attribute('always within_size advise [never] deny force'),
  use_zero_page: attribute(1),
});

/** The whole tree. */
export const tree: SysDirectory = directory(
  {
    block: directory(),
    bus: directory({ cpu: directory({ devices: computed((kernel) => cpuBusLinks(kernel)), drivers: directory() }) }),
    class: directory({
      block: directory(),
      mem: linksTo(MEMORY_DEVICES, 'mem'),
      misc: directory(),
      net: directory({ lo: link('../../devices/virtual/net/lo') }),
      tty: linksTo(TTY_DEVICES, 'tty'),
    }),
    dev: directory({ block: directory(), char: characterLinks }),
    devices: directory({
      system: directory({ cpu: cpuDirectory, node: nodeDirectory }),
      virtual: directory({
        mem: devicesOf(MEMORY_DEVICES, 1, 'mem'),
        net: directory({ lo: loopback }),
        tty: devicesOf(TTY_DEVICES, 5, 'tty'),
      }),
    }),
    firmware: directory(),
    fs: directory({ cgroup: directory() }),
    kernel: directory({
      debug: directory(debugFiles, 0o700),
      mm: directory({ hugepages: directory(), transparent_hugepage: hugePages }),
      security: directory(),
      tracing: directory({}, 0o700),
      uevent_seqnum: attribute(0),
    }),
    module: directory(),
    power: directory(),
  },
  0o555,
);

function cpuBusLinks(kernel: Kernel): Record<string, SysNode> {
  const links: Record<string, SysNode> = {};
  for (let i = 0; i < cpus(kernel); i++) links[`cpu${i}`] = link(`../../../devices/system/cpu/cpu${i}`);
  return links;
}
