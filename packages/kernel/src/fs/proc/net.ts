import type { Inode } from '../../vfs/inode.js';
import type { SuperBlock } from '../../vfs/super-block.js';
import { StaticDirectory } from '../pseudo/pseudo-directory.js';
import type { ProcFileSystem } from './proc.js';
import { SystemFile } from './system-files.js';

const INET_HEADER =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                                                     \n';
const INET_REF_HEADER =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops             \n';
const INET6_HEADER =
  '  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
const INET6_REF_HEADER =
  '  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n';
const DEV_HEADER =
  'Inter-|   Receive                                                |  Transmit\n' +
  ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n';
const LOOPBACK =
  '    lo:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0\n';

/** What a sandbox without sockets in the kernel's tables shows: the loopback interface alone. */
const texts: Readonly<Record<string, string>> = {
  arp: 'IP address       HW type     Flags       HW address            Mask     Device\n',
  dev: DEV_HEADER + LOOPBACK,
  if_inet6: '00000000000000000000000000000001 01 80 10 80       lo\n',
  packet: 'sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n',
  raw: INET_REF_HEADER,
  raw6: INET6_REF_HEADER,
  route:
    'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT                                                       \n',
  ipv6_route: '',
  sockstat:
    'sockets: used 0\nTCP: inuse 0 orphan 0 tw 0 alloc 0 mem 0\nUDP: inuse 0 mem 0\nUDPLITE: inuse 0\nRAW: inuse 0\nFRAG: inuse 0 memory 0\n',
  tcp: INET_HEADER,
  tcp6: INET6_HEADER,
  udp: INET_REF_HEADER,
  udp6: INET6_REF_HEADER,
  unix: 'Num       RefCount Protocol Flags    Type St Inode Path\n',
  wireless: '',
};

const directories = new WeakMap<SuperBlock, StaticDirectory>();

/** /proc/PID/net: one for all, as there is one network. A reference for the caller is added. */
export function netDirectory(superBlock: ProcFileSystem): Inode {
  let directory = directories.get(superBlock);
  if (directory === undefined) {
    directory = new StaticDirectory(superBlock, superBlock.nextIno(), () =>
      Object.entries(texts).map(([name, text]) => [name, new SystemFile(superBlock, superBlock.nextIno(), () => text)] as const),
    );
    directories.set(superBlock, directory);
  }
  directory.incRef();
  return directory;
}
