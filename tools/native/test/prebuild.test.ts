/** The prebuilt native parts of all packages: that they are made, may be published, and work where they are for. */
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { checkPrebuild } from '../check-prebuild.mjs';
import { testUnless, testWith } from '../conditional-test.js';
import { apiHeaders } from '../node-gyp.mjs';
import { nativePackages, prebuild } from '../prebuild.mjs';
import { missingFor, targets } from '../targets.mjs';
import { compile, execute, missing, type Toolchain, toolchains } from '../toolchain.js';

const run = promisify(execFile);
const require = createRequire(import.meta.url);
const here = fileURLToPath(new URL('.', import.meta.url));
const root = path.resolve(here, '../../..');
const scratch = path.join(root, 'tools/native/build/test');
const packages: string[] = nativePackages();

/** How a program for each target is made and run here. */
const runners: Record<string, Toolchain> = {
  'linux-x64-glibc': toolchains.host,
  'linux-x64-musl': toolchains.musl,
  'linux-arm64-glibc': toolchains.arm64,
  'linux-arm64-musl': toolchains.arm64Musl,
};

/** The host program for a target, with every Node-API function that `module` wants and the host has not as one that complains. */
async function hostFor(target: keyof typeof targets, module: string): Promise<string> {
  const toolchain = runners[target]!;
  const { stdout } = await run(`${targets[target].triple}-objdump`, ['-T', module]);
  const wanted = [...stdout.matchAll(/\*UND\*.*\s((?:napi_|node_api_|uv_)\w+)$/gm)].map(([, name]) => name as string);
  const source = path.join(here, 'napi_host.c');
  const supplied = readFileSync(source, 'utf8');
  const stubs = wanted
    .filter((name) => !supplied.includes(`${name}(`))
    .map((name) => `void ${name}(void) { fprintf(stderr, "${name} was called\\n"); abort(); }`);
  const name = path.basename(module, '.node').replaceAll(/\W/g, '-');
  const stubFile = path.join(scratch, `${target}-${name}.c`);
  mkdirSync(scratch, { recursive: true });
  writeFileSync(stubFile, `#include <stdio.h>\n#include <stdlib.h>\n${stubs.join('\n')}\nextern int have_stubs;\n`);
  const program = path.join(scratch, `${target}-${name}`);
  await compile(toolchain, [source, stubFile], program, ['-rdynamic', '-ldl', `-I${apiHeaders()}/include/node`]);
  return program;
}

function relative(folder: string): string {
  return path.relative(root, folder);
}

describe('every package', () => {
  for (const target of Object.keys(targets) as (keyof typeof targets)[]) {
    for (const folder of packages) {
      const why = missingFor(target) ?? missing(runners[target]!);
      testUnless(why, `${relative(folder)} for ${target} is made, passes the checks, and loads without Node`, async () => {
        const files: string[] = await prebuild(folder, target);
        const { arch, libc, triple } = targets[target];
        const { name } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
        for (const file of files) {
          expect(path.dirname(file)).toBe(path.join(folder, 'prebuilds', `linux-${arch}`));
          expect(await checkPrebuild(file, target)).toEqual([]);
          if (!file.endsWith('.node')) continue;
          expect(path.basename(file)).toBe(`${name.replace('/', '+')}.${libc}.node`);
          const { stdout } = await run(`${triple}-objdump`, ['-p', file]);
          expect(stdout).toContain(arch === 'x64' ? 'x86-64' : 'aarch64');
          const outcome = execute(runners[target]!, await hostFor(target, file), [file]);
          expect({ status: outcome.status, stderr: outcome.stderr }).toEqual({ status: 0, stderr: '' });
          expect(outcome.stdout.split('\n').length).toBeGreaterThan(1);
        }
      });
    }
  }
});

describe('what is loaded works', () => {
  const atomicbitops = path.join(root, 'packages/atomicbitops');
  const safecopy = path.join(root, 'packages/safecopy');

  for (const target of Object.keys(targets) as (keyof typeof targets)[]) {
    const why = missingFor(target) ?? missing(runners[target]!);
    testUnless(why, `@sbx/atomicbitops for ${target}`, async () => {
      const [module] = (await prebuild(atomicbitops, target)) as [string];
      const calls = 'assembly.orUint32 @ 1 6 , assembly.andUint32 &4 3 , portable.compareAndSwapUint32 @ 1 2 9 , assembly.andUint32 @ 1 15';
      const more =
        ', assembly.orUint64 @ 2 18446744073709551615n , portable.xorUint64 @ 2 1n , assembly.xorUint32 @ 16 1 , assembly.orUint32 &2 1';
      const { stdout, stderr } = execute(runners[target]!, await hostFor(target, module), [module, ...`${calls} ${more}`.split(/\s+/)]);
      expect(stderr).toBe('');
      const lines = stdout.split('\n');
      expect(lines.slice(0, 6)).toEqual(['0', '6', '2', '9', '0n', '18446744073709551615n']);
      expect(lines[6]).toBe('RangeError [ERR_OUT_OF_RANGE]: index 16 is out of range for an array of 16 elements');
      expect(lines[7]).toMatch(/^RangeError \[ERR_OUT_OF_RANGE\]: address \d+ is misaligned/);
    });

    testUnless(why, `@sbx/safecopy for ${target} survives a fault`, async () => {
      const [module] = (await prebuild(safecopy, target)) as [string];
      const calls =
        'swapUint32 & 77 , loadUint32 & , loadUint32 8 , loadUint32 7 , copyIn @ 64 64 0 , copy &8 & 4 , copyIn @ & 8 0 , swapUint64 &8 1n';
      const { stdout, stderr } = execute(runners[target]!, await hostFor(target, module), [module, ...calls.split(/\s+/)]);
      expect({ lines: stdout.split('\n'), stderr }).toEqual({ lines: ['0', '77', '-14', '-22', '0', '4', '8', '77n', ''], stderr: '' });
    });
  }
});

testUnless(missingFor('linux-x64-glibc'), 'node-gyp-build picks the file for the machine', async () => {
  if (missingFor('linux-x64-musl') || process.arch !== 'x64') return;
  const folder = path.join(root, 'packages/atomicbitops');
  await prebuild(folder, 'linux-x64-glibc');
  await prebuild(folder, 'linux-x64-musl');
  const script = `console.log(require(${JSON.stringify(require.resolve('node-gyp-build', { paths: [folder] }))}).path(${JSON.stringify(folder)}))`;
  const picked = (env: NodeJS.ProcessEnv) =>
    execute(toolchains.host, process.execPath, ['-e', script], { PREBUILDS_ONLY: '1', ...env }).stdout.trim();
  const file = (arch: string, libc: string) => path.join(folder, `prebuilds/linux-${arch}/@sbx+atomicbitops.${libc}.node`);
  expect(picked({})).toBe(file('x64', 'glibc'));
  expect(picked({ LIBC: 'musl' })).toBe(file('x64', 'musl'));
  if (existsSync(file('arm64', 'glibc'))) expect(picked({ npm_config_arch: 'arm64' })).toBe(file('arm64', 'glibc'));
});

describe('the checks find', () => {
  const wrong: [string, string, RegExp][] = [
    ['a symbol of a newer glibc', '#include <pthread.h>\nint go(void) { return pthread_join(0, 0); }', /needs pthread_join of glibc 2\.34/],
    ['a symbol of nobody', 'int nobody(void); int go(void) { return nobody(); }', /needs nobody, which is neither/],
    ['an export', '__attribute__((visibility("default"))) int surplus(void) { return 1; }', /exports surplus/],
    ['a path of this checkout', `__attribute__((used)) static const char where[] = ${JSON.stringify(root)};`, /contains the path/],
    ['an executable stack', '__asm__(".section .note.GNU-stack,\\"x\\",@progbits; .text");', /executable stack/],
  ];
  for (const [what, source, complaint] of wrong) {
    testUnless(missingFor('linux-x64-glibc') ?? missing(toolchains.host), what, async () => {
      const name = what.replaceAll(' ', '-');
      mkdirSync(scratch, { recursive: true });
      const file = path.join(scratch, `${name}.c`);
      writeFileSync(file, `${source}\n`);
      const library = path.join(scratch, `${name}.node`);
      await run('x86_64-linux-gnu-gcc', [
        '-shared',
        '-fPIC',
        '-fvisibility=hidden',
        '-s',
        '-Wl,--unresolved-symbols=ignore-all',
        file,
        '-o',
        library,
      ]);
      expect((await checkPrebuild(library, 'linux-x64-glibc')).join('\n')).toMatch(complaint);
    });
  }

  testUnless(
    missingFor('linux-x64-glibc'),
    'a search path, a library, symbols for debugging, glibc in a build for musl, another machine',
    async () => {
      mkdirSync(scratch, { recursive: true });
      const file = path.join(scratch, 'several.c');
      writeFileSync(file, '#include <stdlib.h>\nvoid *napi_register_module_v1(void) { return malloc(1); }\n');
      const library = path.join(scratch, 'several.node');
      await run('x86_64-linux-gnu-gcc', [
        '-shared',
        '-fPIC',
        '-g',
        '-Wl,-rpath,/lib',
        '-Wl,--no-as-needed',
        file,
        '-lm',
        '-lgcc_s',
        '-o',
        library,
      ]);
      const glibc = (await checkPrebuild(library, 'linux-x64-glibc')).join('\n');
      expect(glibc).toMatch(/search path/);
      expect(glibc).toMatch(/needs libgcc_s/);
      expect(glibc).toMatch(/not stripped/);
      expect((await checkPrebuild(library, 'linux-x64-musl')).join('\n')).toMatch(/needs malloc of GLIBC_.*musl does not have/);
      expect((await checkPrebuild(process.execPath, 'linux-x64-glibc', false)).join('\n')).toMatch(/not linked statically/);
      if (!missingFor('linux-arm64-glibc'))
        expect((await checkPrebuild(library, 'linux-arm64-glibc')).join('\n')).toMatch(/is not elf64-littleaarch64/);
    },
  );
});

describe('the install script', () => {
  const original = readFileSync(path.join(root, 'packages/atomicbitops/native/install.cjs'));

  test('is in every package with a native part, and the same in all', () => {
    for (const folder of packages) {
      const { scripts, files, dependencies } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
      expect({ folder, install: scripts.install }).toEqual({ folder, install: 'node native/install.cjs' });
      expect(readFileSync(path.join(folder, 'native/install.cjs')).equals(original)).toBe(true);
      expect(files).toEqual(expect.arrayContaining(['prebuilds', 'binding.gyp', 'native']));
      expect(Object.keys(dependencies)).toContain('node-gyp-build');
    }
  });

  /** A copy of @sbx/atomicbitops as it is installed from npm. */
  function installed(name: string, prebuilds: 'fitting' | 'none' | 'of another machine'): string {
    const source = path.join(root, 'packages/atomicbitops');
    const folder = path.join(scratch, name);
    rmSync(folder, { recursive: true, force: true });
    for (const part of ['native', 'binding.gyp', 'package.json'])
      cpSync(path.join(source, part), path.join(folder, part), { recursive: true });
    cpSync(
      path.dirname(require.resolve('node-gyp-build/package.json', { paths: [source] })),
      path.join(folder, 'node_modules/node-gyp-build'),
      {
        recursive: true,
        dereference: true,
      },
    );
    if (prebuilds === 'fitting') cpSync(path.join(source, 'prebuilds'), path.join(folder, 'prebuilds'), { recursive: true });
    if (prebuilds === 'of another machine') mkdirSync(path.join(folder, 'prebuilds/linux-mips'), { recursive: true });
    return folder;
  }
  const nodeGyp = require.resolve('node-gyp/bin/node-gyp.js', { paths: [root] });
  const install = (folder: string, env: NodeJS.ProcessEnv = {}) =>
    execute(toolchains.host, process.execPath, [path.join(folder, 'native/install.cjs')], { npm_config_node_gyp: nodeGyp, ...env });

  testUnless(
    missingFor('linux-x64-glibc'),
    'does nothing where a prebuilt file fits, and where there are no prebuilt files at all',
    async () => {
      await prebuild(path.join(root, 'packages/atomicbitops'), 'linux-x64-glibc');
      for (const prebuilds of ['fitting', 'none'] as const) {
        const folder = installed(`install-${prebuilds}`, prebuilds);
        expect(install(folder)).toEqual({ status: 0, signal: null, stdout: '', stderr: '' });
        expect(existsSync(path.join(folder, 'build'))).toBe(false);
      }
    },
  );

  testWith(toolchains.host, 'compiles where none fits', () => {
    const folder = installed('install-compiles', 'of another machine');
    // With the headers of node-api-headers: what a Node that came without headers is built against.
    expect(install(folder, { npm_config_nodedir: apiHeaders() }).status).toBe(0);
    expect(readdirSync(path.join(folder, 'build/Release'))).toContain('atomicbitops.node');
  });

  test('does not fail where compiling does', () => {
    const folder = installed('install-fails', 'of another machine');
    const { status, stderr } = install(folder, { npm_config_node_gyp: path.join(here, 'no-such-file.js') });
    expect(status).toBe(0);
    expect(stderr).toContain('@sbx/atomicbitops: no prebuilt native part fits this machine');
  });
});
