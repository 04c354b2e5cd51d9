import { syscallName } from '@sbx/abi';

/** The name of an amd64 system call, or `syscall_N`. */
export function sysnoName(sysno: number): string {
  return syscallName('amd64', sysno) ?? `syscall_${sysno}`;
}
