/** Publishes all packages to a registry on loopback, looks into what is published, installs it as users do, and uses it. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkPrebuild } from '../../native/check-prebuild.mjs';
import { nodeGypOptions } from '../../native/node-gyp.mjs';
import { prebuild } from '../../native/prebuild.mjs';
import { missingFor, targets } from '../../native/targets.mjs';
import { clientEnvironment, configuredRegistry, publishAll } from '../src/clients.js';
import { Consumer, type Installer, installers } from '../src/consumer.js';
import { execOk } from '../src/exec.js';
import { importedPackages, namedFiles, type Pack, unpack } from '../src/pack.js';
import { publishedPackages, root } from '../src/packages.js';
import { type Registry, startRegistry } from '../src/registry.js';
import { budgets } from './budgets.js';

const require = createRequire(import.meta.url);
const minutes = 60_000;
const names = publishedPackages.map(({ name }) => name);
/** Those that are used by importing them. */
const libraries = publishedPackages.filter(({ manifest }) => manifest.exports['.']).map(({ name }) => name);
const native = publishedPackages.filter(({ folder }) => existsSync(path.join(folder, 'binding.gyp')));

/** The targets that can be built for here, and why others can't. */
const targetNames = Object.keys(targets) as (keyof typeof targets)[];
const unavailable = targetNames.flatMap((name) => missingFor(name) ?? []);

let scratch: string;
let registry: Registry;
let environment: NodeJS.ProcessEnv;
const packs = new Map<string, Pack>();
const tarballs = new Map<string, string>();
const pack = (name: string) => packs.get(name) as Pack;

/** What the examples of READMEs use besides. */
const examplesNeed = ['esbuild'];

const consumers = new Map<string, Promise<Consumer>>();

/** The project in which an installer has installed everything. */
function installedBy(installer: Installer): Promise<Consumer> {
  let consumer = consumers.get(installer.name);
  if (consumer === undefined) {
    const made = new Consumer(path.join(scratch, installer.name.replaceAll(' ', '-')), environment);
    consumer = made.install(installer, [...names, ...examplesNeed]).then(() => made);
    consumers.set(installer.name, consumer);
  }
  return consumer;
}

const [, npmWithoutScripts, pnpmWithoutScripts] = installers(names) as [Installer, Installer, Installer];

/** What a pack may consist of: nothing of it is TypeScript source, a test, or an intermediate result. */
const allowed = [
  /^(package\.json|README\.md|LICENSE|CHANGELOG\.md)$/,
  /^dist\/(?!types\/).*\.c?js$/,
  /^dist\/types\/.*\.d\.c?ts$/,
  /^dist\/sentry\/kernel-kcov\.json\.gz$/,
  /^binding\.gyp$/,
  /^native\/([\w-]+\/)*[\w-]+\.(c|h|S)$/,
  /^native\/(install\.cjs|build_images\.cjs|index\.cjs|index\.d\.cts)$/,
  /^prebuilds\/linux-(x64|arm64)\/(@sbx\+[\w-]+\.(glibc|musl)\.node|sbx-launch)$/,
  /^bin\/sbx$/,
];

function builtin(name: string): boolean {
  return (require('node:module') as typeof import('node:module')).isBuiltin(name);
}

/** A module that compares what is exported to ESM and to CommonJS, with both loaded in one process. */
const sameExports = (packages: readonly string[]) => `
const assert = require('node:assert');
(async () => {
  for (const name of ${JSON.stringify(packages)}) {
    const required = Object.keys(require(name)).sort();
    const imported = Object.keys(await import(name)).filter((key) => key !== 'default' && key !== 'module.exports');
    assert.ok(required.length > 0, name);
    assert.deepEqual(imported.sort(), required, name);
  }
})();
`;

const kvmProbe = `
import { kvmProvider } from '@sbx/kvm-platform';
const { usable, reason } = kvmProvider.probe();
console.log(usable ? '' : reason);
`;

/** Packages that do their real job on virtual CPUs. */
const needKvm = new Set(['@sbx/kvm-platform', '@sbx/kernel', '@sbx/sandbox', '@sbx/cli']);

/** Nothing is published without the native parts for ordinary Linux. */
const cannot = missingFor('linux-x64-glibc');

describe.skipIf(cannot)(`what is published${cannot ? ` (${cannot})` : ''}`, () => {
  beforeAll(async () => {
    scratch = mkdtempSync(path.join(tmpdir(), 'sbx-release-'));
    await execOk(path.join(root, 'node_modules/.bin/turbo'), ['run', 'build', '--output-logs=errors-only'], {
      cwd: root,
      env: process.env,
    });
    for (const { folder } of native) {
      for (const target of targetNames) if (!missingFor(target)) await prebuild(folder, target);
    }
    const storage = path.join(scratch, 'registry');
    registry = await startRegistry(storage, await configuredRegistry());
    environment = clientEnvironment(registry, path.join(scratch, 'clients'));
    await publishAll(registry, environment);
    for (const { name, manifest } of publishedPackages) {
      const tarball = path.join(storage, name, `${name.split('/')[1]}-${manifest.version}.tgz`);
      tarballs.set(name, tarball);
      packs.set(name, await unpack(tarball, path.join(scratch, 'packs', name)));
    }
  }, 15 * minutes);

  afterAll(async () => {
    await registry?.close();
    rmSync(scratch, { recursive: true, force: true });
  });

  describe.each(names)('%s as it is published', (name) => {
    test('has nothing but what it needs', () => {
      const { files, folder, manifest } = pack(name);
      expect(files.filter((file) => !allowed.some((pattern) => pattern.test(file)) || /\btests?\b/.test(file))).toEqual([]);
      expect(files).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'package.json', ...namedFiles(manifest)]));
      const leaks = [root, homedir() === '/root' ? '/root/' : homedir(), '@sbx/source'];
      const leaking = files.filter((file) => {
        const bytes = readFileSync(path.join(folder, file));
        return leaks.some((text) => bytes.includes(text)) || /\bsourceMappingURL=/.test(bytes.toString('latin1'));
      });
      expect(leaking).toEqual([]);
    });

    test('says what it is, and wants nothing of this repository', () => {
      const { manifest } = pack(name);
      expect(manifest).toMatchObject({
        license: 'Apache-2.0',
        type: 'module',
        engines: { node: '>=20' },
        description: expect.stringMatching(/./),
        repository: { type: 'git', directory: expect.stringMatching(/^(packages|apps)\//) },
      });
      // It can be installed everywhere, and says at first use what it needs.
      for (const absent of ['os', 'cpu', 'libc', 'devDependencies', 'private']) expect(manifest).not.toHaveProperty(absent);
      expect(Object.keys(manifest.scripts ?? {})).toEqual(manifest.scripts ? ['install'] : []);
      expect(JSON.stringify(manifest)).not.toContain('workspace:');
    });

    test('declares what it imports', async () => {
      const { files, manifest } = pack(name);
      const code = files.filter((file) => /^dist\/(?!sentry\/)(?!types\/)/.test(file));
      const imported = await importedPackages(pack(name), code);
      const declared = [...Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }), name];
      expect(declared).toEqual(expect.arrayContaining([...imported].filter((each) => !builtin(each))));
    });

    test('is within its budget', () => {
      expect(Math.ceil(pack(name).size / 1024)).toBeLessThanOrEqual(budgets[name] as number);
    });
  });

  test('what is bundled into the sandbox it depends on exactly, so that a new version below makes a new one of it', () => {
    const closure = new Set<string>();
    const add = (name: string) => {
      for (const dependency of Object.keys(pack(name).manifest.dependencies ?? {})) {
        if (!packs.has(dependency) || closure.has(dependency)) continue;
        closure.add(dependency);
        add(dependency);
      }
    };
    add('@sbx/sandbox');
    expect(closure.size).toBeGreaterThan(4);
    const exact = Object.fromEntries([...closure].map((name) => [name, pack(name).manifest.version]));
    expect(pack('@sbx/sandbox').manifest.dependencies).toMatchObject(exact);
  });

  describe('native parts', () => {
    for (const { name, folder } of native) {
      test(`${name} has them for every target`, async (context) => {
        if (unavailable.length > 0) context.skip(unavailable.join('; '));
        const wanted = new Set<string>();
        for (const target of targetNames) {
          const made: string[] = await prebuild(folder, target);
          for (const file of made) {
            const inPack = path.relative(folder, file);
            wanted.add(inPack);
            // No symbol that is newer than glibc 2.28, among other things.
            expect(await checkPrebuild(path.join(pack(name).folder, inPack), target)).toEqual([]);
          }
        }
        expect(pack(name).files.filter((file) => file.startsWith('prebuilds/'))).toEqual([...wanted].sort());
        expect([...wanted].filter((file) => file.startsWith('prebuilds/linux-x64/')).length).toBeGreaterThan(0);
      });
    }

    test('executables are executable', () => {
      const executables = ['@sbx/cli/bin/sbx', '@sbx/sandbox/prebuilds/linux-x64/sbx-launch'];
      for (const file of executables) expect([file, statSync(path.join(scratch, 'packs', file)).mode & 0o777]).toEqual([file, 0o755]);
    });
  });

  describe('type declarations', () => {
    // A condition without types, CommonJS that claims to be ESM, and the like. Old resolution knows the main entry only.
    test.each(libraries)('%s: each entry is found as what it is', async (name) => {
      const { manifest } = pack(name);
      const esmOnly = Object.entries(manifest.exports).flatMap(([entry, target]) =>
        typeof target === 'object' && 'import' in target && !('require' in target) ? [entry] : [],
      );
      const result = await checkPackage(createPackageFromTarballData(readFileSync(tarballs.get(name) as string)));
      if (!result.types) throw new Error('it has no types');
      const problems = result.problems.filter((problem) => {
        const { entrypoint, resolutionKind } = problem as { entrypoint?: string; resolutionKind?: string };
        if (resolutionKind === 'node10') return entrypoint === '.';
        return !(entrypoint && esmOnly.includes(entrypoint) && resolutionKind === 'node16-cjs');
      });
      expect(problems).toEqual([]);
    });

    test('compile in a module and in CommonJS, and know errors', async () => {
      const consumer = await installedBy(pnpmWithoutScripts);
      const esm = libraries.map((name, index) => `import * as m${index} from '${name}';`);
      const cjs = libraries.map((name, index) => `import m${index} = require('${name}');`);
      const uses = libraries.map((_, index) => `export const u${index} = Object.keys(m${index});`);
      const wrong = (safecopy: number, platform: number) => [
        `export const n: number = m${safecopy}.loadUint32(8);`,
        '// @ts-expect-error: an address is a number',
        `m${safecopy}.loadUint32('8');`,
        `export const memory: m${platform}.MemoryFile = m${platform}.MemoryFile.create({ name: 'x', limit: 4096 });`,
        '// @ts-expect-error: a limit is wanted',
        `m${platform}.MemoryFile.create({ name: 'x' });`,
      ];
      const misuse = wrong(libraries.indexOf('@sbx/safecopy'), libraries.indexOf('@sbx/platform'));
      const conformance = ["import { platformConformance } from '@sbx/platform/conformance';", 'export { platformConformance };'];
      consumer.write('esm.mts', [...esm, ...conformance, ...uses, ...misuse].join('\n'));
      consumer.write(
        'cjs.cts',
        [...cjs, "import native = require('@sbx/ring0/native');", ...uses, ...misuse, 'native.include_dir;'].join('\n'),
      );
      const compilerOptions = {
        module: 'nodenext',
        target: 'es2022',
        lib: ['es2023', 'esnext.disposable'],
        strict: true,
        noEmit: true,
        skipLibCheck: false,
        typeRoots: [path.dirname(path.dirname(require.resolve('@types/node/package.json')))],
        types: ['node'],
      };
      consumer.write('tsconfig.json', JSON.stringify({ compilerOptions, files: ['esm.mts', 'cjs.cts'] }));
      const tsc = path.join(root, 'node_modules/.bin/tsc');
      expect(await execOk(tsc, ['-p', '.'], { cwd: consumer.folder, env: environment })).toBe('');
    });
  });

  describe.each(installers(names))('installed with $name', (installer) => {
    let consumer: Consumer;
    let noKvm: string;

    beforeAll(async () => {
      consumer = await installedBy(installer);
      noKvm = (await consumer.node('probe.mjs', kvmProbe)).stdout.trim();
    }, 10 * minutes);

    test('nothing was compiled: the prebuilt native parts fit', () => {
      for (const { name } of native) expect(existsSync(path.join(consumer.installed(name), 'build'))).toBe(false);
    });

    test('every library can be required as well', async () => {
      expect(await consumer.node('required.cjs', sameExports(libraries))).toEqual({ status: 0, stdout: '', stderr: '' });
    });

    test.for(names)('the example of the README of %s prints what the README says', async (name, context) => {
      if (needKvm.has(name) && noKvm !== '') context.skip(noKvm);
      const outcomes = await consumer.runExamples(name);
      expect(outcomes.length).toBeGreaterThan(0);
      for (const { status, stdout, stderr, documented } of outcomes) {
        expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: documented, stderr: '' });
      }
    });
  });

  describe('installed with npm', () => {
    let consumer: Consumer;

    beforeAll(async () => {
      consumer = await installedBy(npmWithoutScripts);
    }, 10 * minutes);

    test('on another system every library can be imported, and says at first use what it needs', async () => {
      // What Node and node-gyp-build ask for where they are.
      const code = `
      Object.defineProperty(process, 'platform', { value: 'darwin' });
      Object.defineProperty(process, 'arch', { value: 'arm64' });
      const [abi, atomicbitops, safecopy, ring0, platform, kvm, kcov, kernel, { Sandbox }] = await Promise.all(
        ['abi', 'atomicbitops', 'safecopy', 'ring0', 'platform', 'kvm-platform', 'kcov', 'kernel', 'sandbox'].map((name) => import('@sbx/' + name)),
      );
      const attempt = async (use) => {
        try {
          console.log('done', await use());
        } catch (error) {
          console.log(error.code, error.message);
        }
      };
      await attempt(() => abi.errnoName(-2));
      await attempt(() => atomicbitops.orUint32(new Uint32Array(1), 0, 1));
      await attempt(() => safecopy.loadUint32(8));
      await attempt(() => ring0.amd64.PageTables.create(ring0.ChunkedTableMemory.over(new ArrayBuffer(65536), 0)).lookup(0));
      await attempt(() => platform.MemoryFile.create({ name: 'x', limit: 1 << 20 }));
      await attempt(() => kvm.kvmProvider.probe().usable);
      await attempt(() => kcov.kcovAvailable());
      await attempt(() => kernel.hostCall(39));
      await attempt(() => Sandbox.create());
    `;
      const { status, stdout, stderr } = await consumer.node('elsewhere.mjs', code, {
        env: { npm_config_platform: 'darwin', npm_config_arch: 'arm64' },
      });
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(stdout.trim().split('\n')).toEqual([
        'done ENOENT',
        'done 0',
        expect.stringMatching(/^ERR_SBX_NATIVE_UNAVAILABLE .*there is none for darwin, only for linux/),
        'done -1',
        expect.stringMatching(/^ERR_SBX_NATIVE_UNAVAILABLE .*there is none for darwin, only for linux/),
        'done false',
        'done false',
        expect.stringMatching(/^ERR_SBX_NATIVE_UNAVAILABLE .*there is none for darwin, only for linux/),
        expect.stringMatching(/^\S+ .*[Ll]inux/),
      ]);
    });

    test('the suite of platforms runs from the published package', async (context) => {
      const noKvm = (await consumer.node('probe.mjs', kvmProbe)).stdout.trim();
      if (noKvm !== '') context.skip(noKvm);
      symlinkSync(path.join(root, 'node_modules/vitest'), path.join(consumer.folder, 'node_modules/vitest'));
      const suite = `
      import { kvmProvider } from '@sbx/kvm-platform';
      import { platformConformance } from '@sbx/platform/conformance';
      platformConformance('kvm', (options) => kvmProvider.create(options));
    `;
      consumer.write('conformance.test.mjs', suite);
      const args = [path.join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--pool=forks', '--testTimeout=60000', '-t', 'register'];
      expect(await execOk(process.execPath, args, { cwd: consumer.folder, env: { ...environment, NO_COLOR: '1' } })).toMatch(
        /Tests +\d+ passed/,
      );
    });

    test('what has no prebuilt native part for the machine compiles, with the headers of the packages below', async (context) => {
      const nodedir = nodeGypOptions()[0]!.replace('--nodedir=', '');
      if (!existsSync(path.join(nodedir, 'include/node/uv.h'))) context.skip("no headers of Node's libuv are installed");
      const folder = consumer.installed('@sbx/kvm-platform');
      rmSync(path.join(folder, 'prebuilds/linux-x64'), { recursive: true });
      const env = { ...environment, npm_config_nodedir: nodedir };
      await execOk('npm', ['rebuild', '--foreground-scripts', '@sbx/kvm-platform'], { cwd: consumer.folder, env });
      expect(readdirSync(path.join(folder, 'build/Release'))).toContain('kvm_platform.node');
      expect((await consumer.node('probe.mjs', kvmProbe)).stderr).toBe('');
    });
  });
});
