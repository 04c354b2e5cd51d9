import { readlinkSync } from 'node:fs';
import { expect, it } from 'vitest';
import { descendants, until } from '../../../apps/sandbox/test/support/processes.js';
import { describePrograms } from './programs/support/describe.js';
import { killGroup, sbx, shellInSandbox, start } from './programs/support/run.js';

function executable(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return '';
  }
}

describePrograms('the processes of sbx run', {}, () => {
  it('are one of Node, and the launcher’s', async () => {
    const child = start(sbx, ['run', '--', 'sh', '-c', 'echo ready; exec sleep 1000']);
    let output = '';
    child.stdout!.on('data', (text) => {
      output += text;
    });
    try {
      await until(() => output.includes('ready'));
      const programs = [child.pid!, ...descendants(child.pid!)].map(executable);
      expect(programs.filter((file) => file === executable(process.pid))).toHaveLength(1);
    } finally {
      killGroup(child);
    }
  });

  it('serve 200 processes at once, of which nothing is left', async () => {
    // All but the sandbox's first process and the shell.
    const script = `
      i=0; while [ $i -lt 200 ]; do sleep 1000 & all="$all $!"; i=$((i + 1)); done
      n=0; for p in /proc/[0-9]*; do n=$((n + 1)); done; echo $n
      kill -9 $all; wait
      n=0; for p in /proc/[0-9]*; do n=$((n + 1)); done; echo $n`;
    expect(await shellInSandbox([], script)).toBe('202\n2\n');
  });
});
