import { type SyscallName, syscallNames, syscallNumber } from '@sbx/abi';
import type { SyscallEntry } from './entry.js';

const LEVELS = { full: 'full', partial: 'partial', 'errno-only': 'errno only' } as const;

/** docs/syscalls.md: every system call of Linux 6.1 on amd64, how far it is served and what is missing. Made from the table that dispatches. */
export function documentSyscalls(entries: readonly SyscallEntry[]): string {
  const served = new Map(entries.map((entry) => [entry.name, entry]));
  const count = (level: SyscallEntry['support']): number => entries.filter((entry) => entry.support === level).length;
  const names = syscallNames('amd64').filter((name): name is SyscallName => name !== undefined);
  const rows = names.map((name) => {
    const entry = served.get(name);
    const number = syscallNumber('amd64', name);
    return entry === undefined
      ? `| ${number} | ${name} | – | ENOSYS |`
      : `| ${number} | ${name} | ${LEVELS[entry.support]} | ${entry.note} |`;
  });
  return `# System calls

Generated from the kernel's system-call table (\`packages/kernel/src/syscalls/table.ts\`) by \`pnpm --filter @sbx/gen gen\`; do not edit.

Of the ${names.length} calls of Linux 6.1 on amd64, ${count('full')} are served in full, ${count('partial')} partly (the note says what is missing), and
${count('errno-only')} always fail with the errno that the note explains. The others give ENOSYS and are counted; \`sbx run\` names them at the end when
a program fails.

| number | name | support | notes |
| ---: | --- | --- | --- |
${rows.join('\n')}
`;
}
