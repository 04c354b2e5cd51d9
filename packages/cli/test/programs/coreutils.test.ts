import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, it } from 'vitest';
import { describePrograms } from './support/describe.js';
import { namesIn, testTable } from './support/differential.js';
import { readTable } from './support/table.js';

testTable('coreutils.sh', { variants: ['overlay', 'tmpfs', 'writable'] });

describePrograms('the table of coreutils', { programs: ['dpkg'] }, () => {
  it('has every program of the package', () => {
    const { stdout } = spawnSync('dpkg', ['-L', 'coreutils'], { encoding: 'utf8' });
    const programs = stdout.split('\n').filter((file) => /\/s?bin\/./.test(file));
    const rows = readTable('coreutils.sh');
    const names = namesIn(rows);
    expect(programs.length).toBeGreaterThan(100);
    expect(programs.map((file) => path.basename(file)).filter((name) => !names.has(name))).toEqual([]);
    expect(rows.length).toBeGreaterThanOrEqual(60);
  });
});
