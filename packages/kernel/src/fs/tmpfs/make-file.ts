import { S_IFREG } from '@sbx/abi';
import { IoBuffer } from '../../io/io-buffer.js';
import type { Inode } from '../../vfs/inode.js';
import type { TmpfsSuperBlock } from './tmpfs.js';
import type { TmpfsFile } from './tmpfs-file.js';

/**
 * Makes a regular file in the root of a tmpfs that no program has seen yet. The inode, with a reference for the caller, or -errno.
 * See the example of {@link TmpfsSuperBlock}.
 */
export function makeTmpfsFile(superBlock: TmpfsSuperBlock, name: string, contents: Uint8Array, mode = 0o644): Inode | number {
  const file = superBlock.root.create(superBlock.kernel.vfs.kernelCaller, name, S_IFREG | mode);
  if (typeof file === 'number') return file;
  const written = (file as TmpfsFile).writeAt(new IoBuffer().setKernel(contents), 0, contents.length);
  if (written === contents.length) return file;
  file.decRef();
  return written;
}
