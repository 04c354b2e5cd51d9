/** What `#kcov` is in the coverage build: see none.ts. */
import { coverage, KcovDriver } from '@sbx/kcov';
import type { SysNode } from '../fs/sys/sys.js';
import type { Task } from '../task/task.js';
import { checkKernel } from './check.js';
import { KcovArea } from './kcov-area.js';
import { KcovInode } from './kcov-file.js';

/** One for all kernels of the process: tasks are its own. */
const driver = new KcovDriver<KcovArea, Task>(coverage, (bytes, mapper) => new KcovArea(mapper.kernel.memory, bytes, mapper.id));

export function switchCoverage(task: Task | null): void {
  driver.switchTo(task);
}

export const debugFiles: Readonly<Record<string, SysNode>> = {
  check: { text: checkKernel, mode: 0o400 },
  kcov: { inode: (superBlock, ino) => new KcovInode(superBlock, ino, driver) },
};
