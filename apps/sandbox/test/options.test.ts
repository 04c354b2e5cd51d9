import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Sandbox, type SandboxOptions } from '../src/index.js';
import { describeSandbox } from './support/describe-sandbox.js';
import { failure } from './support/failure.js';

describe('options of Sandbox.create', () => {
  // What is wrong on purpose, and what the message says of it.
  const wrong: [unknown, string][] = [
    [null, 'options has to be an object'],
    ['system', 'options has to be an object'],
    [{ rotfs: {} }, "unknown option 'rotfs'"],
    [{ rootfs: { type: 'system', path: '/' } }, "unknown option 'rootfs.path'"],
    [{ rootfs: { type: 'dir' } }, "option 'rootfs.path' is missing"],
    [
      { rootfs: { type: 'tar', path: 'x' } },
      "option 'rootfs.type' has to be 'system', 'host' or 'dir' ('tar' and 'oci' are not there in this version)",
    ],
    [{ rootfs: 'host' }, "option 'rootfs' has to be { type: 'system' }, { type: 'host' } or { type: 'dir', path }"],
    [{ workingDirectory: true }, "option 'workingDirectory' has to be a path or false"],
    [{ mounts: { target: '/x' } }, "option 'mounts' has to be an array"],
    [{ mounts: [{ target: 'x', source: '/' }] }, "option 'mounts[0].target' has to be an absolute path inside"],
    [{ mounts: [{ target: '/x', source: 7 }] }, "option 'mounts[0].source' has to be a string"],
    [{ mounts: [{ target: '/x', source: '/', readOnly: true, overlay: true }] }, "option 'mounts[0]' is either readOnly or overlay"],
    [{ mounts: [{ target: '/x', type: 'tmpfs', size: 0 }] }, "option 'mounts[0].size' has to be a number of bytes"],
    [{ mounts: [{ target: '/x', fs: {} }] }, 'mounts with fs are not there in this version'],
    [{ env: { 'A=B': 'x' } }, "option 'env.A=B' must not contain '='"],
    [{ env: { A: 7 } }, "option 'env.A' has to be a string"],
    [{ env: { A: 'x\0y' } }, "option 'env.A' must not contain a zero character"],
    [{ env: ['A=1'] }, "option 'env' has to be an object of names and values"],
    [{ cwd: 'tmp' }, "option 'cwd' has to be an absolute path inside"],
    [{ user: { uid: -1, gid: 0 } }, "option 'user.uid' has to be an id, 0 to 4294967294"],
    [{ user: { uid: 0 } }, "option 'user.gid' is missing"],
    [{ user: 'root' }, "option 'user' has to be an object"],
    [{ startTimeout: 0 }, "option 'startTimeout' has to be a time in milliseconds, 1 or more"],
    [{ hostname: '' }, "option 'hostname' must not be empty"],
    [{ hostname: 'x'.repeat(65) }, "option 'hostname' may have at most 64 bytes"],
    [{ hostname: 'ü'.repeat(33) }, "option 'hostname' may have at most 64 bytes"],
    [{ network: 'host' }, "option 'network' can only be 'none' in this version"],
    [{ limits: { memory: 1.5 } }, "option 'limits.memory' has to be a number of bytes"],
    [{ limits: { memory: 2 ** 20 } }, "option 'limits.memory' has to be at least 16 MiB"],
    [{ limits: { processes: 0 } }, "option 'limits.processes' has to be a whole number, 1 or more"],
    [{ limits: { openFiles: { soft: 1 } } }, "option 'limits.openFiles' has to be a number or { soft, hard }"],
    [{ limits: { openFiles: { soft: 2, hard: 1 } } }, "option 'limits.openFiles' has a soft limit above the hard one"],
    [{ limits: { wallTime: Number.NaN } }, "option 'limits.wallTime' has to be a time in milliseconds, 1 or more"],
    [{ limits: { cpus: 2 } }, "option 'limits.cpus' is not there in this version"],
    [{ onSyscall: () => {} }, "option 'onSyscall' is not there in this version"],
    [{ platform: 7 }, "option 'platform' has to be a string"],
    [{ isolation: 'none' }, "option 'isolation' has to be 'default' or 'strict'"],
    [{ watchdog: -1 }, "option 'watchdog' has to be a number of seconds, 0 to 86400"],
    [{ signal: {} }, "option 'signal' has to be an AbortSignal"],
    [{ strace: '' }, "option 'strace' must not be empty"],
  ];

  it.each(wrong)('%j: %s', async (options, message) => {
    const error = await failure(Sandbox.create(options as SandboxOptions));
    expect(error.message).toContain(message);
    expect(error.code).toBe('ERR_SBX_OPTION');
  });
});

describeSandbox('what cannot be', {}, () => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await Sandbox.create();
  });
  afterAll(() => sandbox?.close());

  it.each<[SandboxOptions, string, string]>([
    [{ platform: 'abacus' }, 'ERR_SBX_OPTION', "unknown platform 'abacus'"],
    [{ mounts: [{ target: '/x', source: '/no/such/place' }] }, 'ERR_SBX_MOUNT', 'cannot show /no/such/place: no such file or directory'],
    [{ mounts: [{ target: '/x', source: '/dev/null' }] }, 'ERR_SBX_MOUNT', 'only directories and regular files of the host can be shown'],
    [{ mounts: [{ target: '/x', source: '/etc/passwd', overlay: true }] }, 'ERR_SBX_MOUNT', 'overlays are for directories'],
    [{ mounts: [{ target: '/etc/passwd/x', type: 'tmpfs' }] }, 'ERR_SBX_MOUNT', 'cannot mount on /etc/passwd/x: Not a directory'],
    [{ mounts: [{ target: '/etc/passwd', type: 'tmpfs' }] }, 'ERR_SBX_MOUNT', 'cannot mount on /etc/passwd: it is a file, not a directory'],
    [{ mounts: [{ target: '/usr', source: '/etc/passwd' }] }, 'ERR_SBX_MOUNT', 'cannot mount on /usr: it is a directory, not a file'],
    [
      { mounts: [{ target: '/proc/not-there', type: 'tmpfs' }] },
      'ERR_SBX_MOUNT',
      'cannot mount on /proc/not-there: No such file or directory',
    ],
    [{ rootfs: { type: 'dir', path: '/no/such/root' } }, 'ERR_SBX_MOUNT', 'cannot show /no/such/root: no such file or directory'],
    [{ workingDirectory: '/no/such/place' }, 'ERR_SBX_MOUNT', 'cannot show /no/such/place: no such file or directory'],
    [{ strace: '/no/such/place/trace' }, 'ERR_SBX_OPTION', 'cannot write /no/such/place/trace: no such file or directory'],
    [{ isolation: 'strict' }, 'ERR_SBX_UNSUPPORTED', "isolation 'strict' is not possible in this version"],
  ])('%j is refused with %s', async (options, code, message) => {
    const error = await failure(Sandbox.create(options));
    expect(error.message).toContain(message);
    expect(error.code).toBe(code);
  });

  it('a creation that is aborted', async () => {
    expect(await failure(Sandbox.create({ signal: AbortSignal.abort('no') }))).toMatchObject({ code: 'ABORT_ERR', cause: 'no' });
    const controller = new AbortController();
    const creation = failure(Sandbox.create({ signal: controller.signal }));
    controller.abort('changed my mind');
    expect(await creation).toMatchObject({ code: 'ABORT_ERR', cause: 'changed my mind', name: 'AbortError' });
    // At any moment of the start; or there is a sandbox before the signal.
    for (const ms of [1, 20, 40, 60]) {
      const timely = new AbortController();
      setTimeout(() => timely.abort('too slow'), ms);
      const made = await Sandbox.create({ signal: timely.signal }).catch((error) => error);
      if (made instanceof Sandbox) await made.close();
      else expect(made).toMatchObject({ code: 'ABORT_ERR', cause: 'too slow' });
    }
    // Once there is a sandbox, the signal is no concern of its.
    const later = new AbortController();
    await using other = await Sandbox.create({ signal: later.signal });
    later.abort();
    expect((await other.run('echo', ['there'])).stdout).toBe('there\n');
  });

  it.each<[unknown, unknown, unknown, string]>([
    ['', [], {}, 'the command must not be empty'],
    [7, [], {}, 'the command has to be a string'],
    ['true', 'x', {}, 'args has to be an array of strings'],
    ['true', ['a', 7], {}, 'args[1] has to be a string'],
    ['true', ['a\0b'], {}, 'args[0] must not contain a zero character'],
    ['true', [], { cwd: 'tmp' }, "option 'cwd' has to be an absolute path inside"],
    ['true', [], { timeout: 0 }, "option 'timeout' has to be a time in milliseconds, 1 or more"],
    ['true', [], { timeout: 2 ** 31 }, "option 'timeout' has to be a time in milliseconds, 1 or more"],
    ['true', [], { input: 7 }, "option 'input' has to be a string, a Uint8Array, a Readable or an async iterable of those"],
    ['true', [], { maxBuffer: -1 }, "option 'maxBuffer' has to be a number of bytes"],
    ['true', [], { encoding: 'utf-9' }, "option 'encoding' has to be an encoding of Node's, or 'buffer'"],
    ['true', [], { tty: { columns: 80, rows: 24 } }, "unknown option 'tty'"],
    ['true', [], { stdio: 'pipe' }, "unknown option 'stdio'"],
  ])('run(%j, %j, %j): %s', async (command, args, options, message) => {
    const error = await failure(sandbox.run(command as string, args as string[], options as object));
    expect(error.message).toBe(message);
    expect(error.code).toBe('ERR_SBX_OPTION');
  });
});
