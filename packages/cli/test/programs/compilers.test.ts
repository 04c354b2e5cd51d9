import { execFileSync } from 'node:child_process';
import { testTable } from './support/differential.js';
import { addScripts } from './support/fixture.js';

testTable('compilers.sh', {
  programs: ['gcc', 'g++', 'musl-gcc', 'make', 'objdump', 'strip'],
  prepare(fixture) {
    addScripts(fixture, 'hello.c', 'hello.cc');
    const build = (compiler: string, ...args: string[]) => execFileSync(compiler, args, { cwd: fixture });
    for (const [compiler, library] of [
      ['gcc', 'glibc'],
      ['musl-gcc', 'musl'],
    ]) {
      build(compiler, '-O1', '-o', `hello-${library}`, 'scripts/hello.c', '-pthread');
      build(compiler, '-O1', '-static', '-o', `hello-${library}-static`, 'scripts/hello.c', '-pthread');
    }
    build('g++', '-O1', '-o', 'hello-cxx', 'scripts/hello.cc', '-pthread');
  },
});
