import { ELOOP, ENOENT, ENOTDIR, O_CREAT, S_IFDIR, S_IFREG } from '@sbx/abi';
import type { Caller, Inode } from '../vfs/inode.js';
import { HostDirectory } from './host/host-directory.js';
import { TmpfsSuperBlock } from './tmpfs/tmpfs.js';

/** As many symlinks as path_resolution(7) follows. */
const MAX_LINKS = 40;

/** How far a path exists: `parent` does, without symlinks at its end; the first of `missing` is not in it. */
interface Missing {
  readonly parent: string;
  readonly missing: readonly string[];
}

/**
 * Makes what something is to be mounted on, an empty directory or regular file, where the absolute `path` (byte string) does not exist yet; also what a dangling
 * symlink names. In a directory of the host it is there for programs only: nothing is ever made on the host. 0 or -errno.
 * See the example of {@link TmpfsSuperBlock}.
 */
export function makeMountPoint(caller: Caller, path: string, isDirectory: boolean): number {
  const found = findMissing(caller, path);
  if (typeof found === 'number') return found;
  const { parent, missing } = found;
  if (missing.length === 0) return 0;
  const { vfs } = caller.kernel;
  const place = vfs.resolve(caller, parent === '' ? '/' : parent);
  if (typeof place === 'number') return place;
  const directory = place.dentry.inode!;
  if (!directory.isDirectory) return -ENOTDIR;
  if (directory instanceof HostDirectory) return showIn(caller, directory, missing, isDirectory);
  const directories = isDirectory ? missing : missing.slice(0, -1);
  const made = directories.length === 0 ? 0 : vfs.mkdirAll(caller, `${parent}/${directories.join('/')}`, 0o755);
  if (made < 0 || isDirectory) return made;
  const file = vfs.open(caller, `${parent}/${missing.join('/')}`, O_CREAT, 0o644);
  if (typeof file === 'number') return file;
  file.decRef();
  return 0;
}

function findMissing(caller: Caller, path: string): Missing | number {
  const { vfs } = caller.kernel;
  let names = path.split('/');
  for (let links = 0; links <= MAX_LINKS; links++) {
    names = names.filter((name) => name !== '' && name !== '.');
    let parent = '';
    let at = 0;
    let target: string | null = null;
    for (; at < names.length; at++) {
      const next = `${parent}/${names[at]}`;
      const there = vfs.resolve(caller, next);
      if (there === -ENOENT) {
        const link = vfs.resolve(caller, next, 0);
        if (typeof link === 'number') break;
        const text = link.dentry.inode!.readlink(caller);
        if (typeof text === 'number') return text;
        target = text;
        break;
      }
      if (typeof there === 'number') return there;
      parent = next;
    }
    const rest = names.slice(at);
    if (target === null) return rest.includes('..') ? -ENOENT : { parent, missing: rest };
    names = [...(target.startsWith('/') ? '' : parent).split('/'), ...target.split('/'), ...rest.slice(1)];
  }
  return -ELOOP;
}

/** Shows the first of `names` in a directory of the host: an object of a tmpfs of its own, in which the others are. */
function showIn({ kernel }: Caller, directory: HostDirectory, names: readonly string[], isDirectory: boolean): number {
  const { kernelCaller } = kernel.vfs;
  const { root } = new TmpfsSuperBlock(kernel, kernel.vfs.allocateDevice(), { mode: 0o755, size: 0, inodes: names.length + 1 });
  let inode: Inode = root;
  for (const [i, name] of names.entries()) {
    const isFile = !isDirectory && i === names.length - 1;
    if (i === 0 && !isFile) continue;
    const made = isFile ? inode.create(kernelCaller, name, S_IFREG | 0o644) : inode.mkdir(kernelCaller, name, S_IFDIR | 0o755);
    if (typeof made === 'number') return made;
    // Its name keeps it.
    made.decRef();
    inode = made;
  }
  const first = names.length === 1 ? inode : root;
  first.incRef();
  directory.show(names[0], first);
  return 0;
}
