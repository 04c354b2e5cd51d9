import type { Kernel } from '@sbx/kernel';

/** Where the host says which machine it is: a directory in which programs see the sandbox's own files instead of these. */
export const IDENTITY_DIRECTORY = '/etc';

/**
 * Name and contents of each file in it (hostname(5), hosts(5), resolv.conf(5), machine-id(5)), whether the host has it or not. There is no network, so no name
 * server is named. machine-id(5) asks to keep the host's from programs that are not trusted; this one is random.
 */
export function identityFiles(kernel: Kernel): [name: string, contents: Buffer][] {
  const { hostname } = kernel;
  const machine = Buffer.alloc(16);
  kernel.random(machine);
  // As in a UUID of version 4, which machine-id(5) promises.
  machine[6] = (machine[6] & 0x0f) | 0x40;
  machine[8] = (machine[8] & 0x3f) | 0x80;
  const hosts = `127.0.0.1\tlocalhost\n127.0.1.1\t${hostname}\n::1\tlocalhost ip6-localhost ip6-loopback\n`;
  return [
    ['hostname', Buffer.from(`${hostname}\n`, 'latin1')],
    ['hosts', Buffer.from(hosts, 'latin1')],
    ['machine-id', Buffer.from(`${machine.toString('hex')}\n`)],
    ['resolv.conf', Buffer.alloc(0)],
  ];
}
