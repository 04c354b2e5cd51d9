import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { VmError } from './errors.js';
import type { Kernel } from './kernel-cache.js';

const guest = fileURLToPath(new URL('../guest', import.meta.url));

/** What the guest runs, written into its initramfs. */
export interface GuestCommand {
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Absolute paths of host folders that the guest may change. */
  readonly writable: readonly string[];
  /** Whether standard input is the host's; otherwise it is empty. */
  readonly stdin: boolean;
  /** Rows and columns of the terminal that the command gets instead of pipes. */
  readonly terminal?: readonly [rows: number, columns: number];
}

/** Writes the initramfs for one run: busybox, the modules, the guest's scripts and the command. Returns its path. */
export function writeInitramfs(folder: string, busybox: string, kernel: Kernel, guestCommand: GuestCommand): string {
  const root = path.join(folder, 'initramfs');
  for (const name of ['bin', 'proc', 'sys', 'dev', 'host', 'memory', 'root', 'modules', 'run-files']) {
    mkdirSync(path.join(root, name), { recursive: true });
  }
  copyFileSync(busybox, path.join(root, 'bin/busybox'));
  copyFileSync(path.join(guest, 'init.sh'), path.join(root, 'init'));
  chmodSync(path.join(root, 'init'), 0o755);
  copyFileSync(path.join(guest, 'agent.sh'), path.join(root, 'agent.sh'));
  for (const module of kernel.modules) copyFileSync(module, path.join(root, 'modules', path.basename(module)));
  writeFileSync(path.join(root, 'modules/order'), lines(kernel.modules.map((module) => path.basename(module))));

  const files = path.join(root, 'run-files');
  writeFileSync(path.join(files, 'command'), commandScript(guestCommand));
  writeFileSync(path.join(files, 'writable'), lines(guestCommand.writable));
  if (guestCommand.stdin) writeFileSync(path.join(files, 'stdin'), '');
  if (guestCommand.terminal) writeFileSync(path.join(files, 'terminal'), lines(guestCommand.terminal.map(String)));

  const archive = path.join(folder, 'initramfs.cpio');
  const script = `cd "$1" && "$0" find . | "$0" cpio -o -H newc >"$2" 2>/dev/null`;
  const { status } = spawnSync(busybox, ['sh', '-c', script, busybox, root, archive]);
  if (status !== 0) throw new VmError('UNSUPPORTED', `${busybox} could not write an archive: is it Debian's busybox-static?`);
  return archive;
}

/** A shell script that becomes the command, with exactly the given environment. (busybox's env would prefer its own applets to programs.) */
export function commandScript({ command, cwd, env }: GuestCommand): string {
  const variables = Object.entries(env).map(([name, value]) => quote(`${name}=${value}`));
  return `cd ${quote(cwd)} || exit 125\nexec /usr/bin/env -i ${[...variables, ...command.map(quote)].join(' ')}\n`;
}

function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

function lines(values: readonly string[]): string {
  return values.map((value) => `${value}\n`).join('');
}
