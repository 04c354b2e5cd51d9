import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Machine } from './machine.js';

/** Where distributions put virtiofsd, which is on no PATH. The first is QEMU's own (Debian 12), the others the one written in Rust. */
const virtiofsdPaths = ['/usr/lib/qemu/virtiofsd', '/usr/libexec/virtiofsd', '/usr/lib/virtiofsd'];

/** The path of a program on PATH (and in /usr/sbin, which a user's PATH may lack), or undefined. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(path.delimiter), '/usr/sbin', '/sbin'];
  return folders.map((folder) => path.join(folder, name)).find((file) => existsSync(file));
}

/** The path of virtiofsd, or undefined. */
export function findVirtiofsd(): string | undefined {
  return virtiofsdPaths.find((file) => existsSync(file));
}

/** Why the machine can't be run on this host, or undefined if it can. */
export function missingPrograms(machine: Machine): string | undefined {
  const absent = Object.keys(machine.needs)
    .filter((program) => !findProgram(program))
    .map((program) => `${program} (Debian: ${machine.needs[program]})`);
  if (!findVirtiofsd()) absent.push('virtiofsd (Debian 12: qemu-system-common, later: virtiofsd)');
  return absent.length === 0 ? undefined : `not installed: ${absent.join(', ')}`;
}
