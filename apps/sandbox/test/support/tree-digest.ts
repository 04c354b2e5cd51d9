import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';

/** A line for everything below a folder: kind, mode, owner, size, times, and a digest of the contents. Two equal lists: nothing was touched. */
export function treeDigest(folder: string): string[] {
  const lines: string[] = [];
  const add = (file: string, name: string) => {
    const stat = lstatSync(file, { bigint: true });
    let contents = '';
    if (stat.isSymbolicLink()) contents = readlinkSync(file, 'latin1');
    else if (stat.isFile()) contents = createHash('sha256').update(readFileSync(file)).digest('hex');
    const { mode, uid, gid, nlink, size, mtimeNs, ctimeNs } = stat;
    lines.push(`${name} ${mode.toString(8)} ${uid}:${gid} links ${nlink} size ${size} mtime ${mtimeNs} ctime ${ctimeNs} ${contents}`);
    if (stat.isDirectory()) for (const entry of readdirSync(file).sort()) add(path.join(file, entry), path.join(name, entry));
  };
  add(folder, '.');
  return lines;
}
