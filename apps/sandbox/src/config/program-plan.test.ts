import { realpathSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { expect, it } from 'vitest';
import { planProgram } from './program-plan.js';

const program = realpathSync(process.execPath);
const folder = path.dirname(program);
/** What has to be shown of the host's files. */
const shows = (visible: string[], homes: string[]) =>
  planProgram({ name: program, searchPath: '', cwd: '/' }, visible, homes).steps.flatMap((step) =>
    step.type === 'host' ? [step.source] : [],
  );

it('shows a program that would not be seen', () => {
  expect(shows([folder], ['/home/somebody'])).toEqual([]);
  expect(shows([], ['/home/somebody'])).toEqual([path.basename(folder) === 'bin' ? path.dirname(folder) : program]);
});

it('shows a program in a home directory which covers it', () => {
  expect(shows([path.dirname(folder)], [folder])).toEqual([program]);
  expect(shows([path.dirname(folder), folder], [folder])).toEqual([]);
});
