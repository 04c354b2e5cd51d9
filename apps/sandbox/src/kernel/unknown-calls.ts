import { hostArch, syscallName } from '@sbx/abi';
import type { Kernel } from '@sbx/kernel';

/** How many calls the line names. */
const MOST = 8;
const DOCUMENTATION = 'https://github.com/sbx/sbx/blob/main/docs/syscalls.md';

/** One line about the system calls that programs made and that the kernel does not have, or null when there were none. */
export function describeUnknownCalls(kernel: Kernel): string | null {
  const calls = [...kernel.unknownCalls].sort(([, a], [, b]) => b - a);
  if (calls.length === 0) return null;
  const names = calls.slice(0, MOST).map(([number, count]) => {
    const name = syscallName(hostArch, number) ?? `number ${number}`;
    return count === 1 ? name : `${name} (${count} times)`;
  });
  const more = calls.length > MOST ? ` and ${calls.length - MOST} more` : '';
  return `programs made system calls that are not supported: ${names.join(', ')}${more}; see ${DOCUMENTATION}`;
}
