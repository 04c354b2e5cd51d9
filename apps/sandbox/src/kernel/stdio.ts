import { errnoName, F_DUPFD_CLOEXEC } from '@sbx/abi';
import { type FileDescription, hostCall, hostFile, hostNumber, type Kernel } from '@sbx/kernel';
import { SentryError } from '../sentry/sentry-error.js';

const SYS_FCNTL = hostNumber('fcntl');
const SYS_DUP3 = hostNumber('dup3');

/**
 * This process's stdin, stdout and stderr as files of a program. The program's are the only ones afterwards, so that whoever reads its output sees the end when
 * it closes it: descriptors 0 and 1 become `devNull`. Descriptor 2 stays, for what sbx has to say.
 */
export function takeStdio(kernel: Kernel, devNull: number): FileDescription[] {
  const files = [0, 1, 2].map((fd) => openHostFile(kernel, hostCall(SYS_FCNTL, fd, F_DUPFD_CLOEXEC, 3)));
  for (const fd of [0, 1]) hostCall(SYS_DUP3, devNull, fd, 0);
  return files;
}

/**
 * A descriptor of this process as a file of programs, which it belongs to afterwards. A socket (which is what Node gives its children) is shown as a pipe: programs
 * ask a socket who is at its other end, and Node writes nothing at all when it cannot tell.
 */
export function openHostFile(kernel: Kernel, fd: number): FileDescription {
  const file = fd < 0 ? fd : hostFile(kernel, fd, { socketAsPipe: true });
  if (typeof file === 'number')
    throw new SentryError('ERR_SBX_START', `cannot give descriptor ${fd} to a program: ${errnoName(file) ?? file}`);
  return file;
}
