import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { beforeEach, expect, it } from 'vitest';
import { emptied, scratch } from '../../../apps/sandbox/test/support/scratch.js';
import { describePrograms } from './programs/support/describe.js';
import { ENVIRONMENT, run, runInSandbox, sbx, shellInSandbox } from './programs/support/run.js';

const top = scratch('mounts');
const folder = `${top}/shown`;
const options = { cwd: top };
beforeEach(() => {
  emptied(folder);
  writeFileSync(`${folder}/file`, 'original\n');
});

describePrograms('sbx run -v', {}, () => {
  it('shows a directory, in which programs write at once', async () => {
    const script = 'cat /m/file; echo new >/m/file; mkdir /m/made; echo more >/m/made/x; mv /m/made/x /m/y; stat -c %n /m/*';
    expect(await shellInSandbox(['-v', `${folder}:/m`], script, options)).toBe('original\n/m/file\n/m/made\n/m/y\n');
    expect(readFileSync(`${folder}/file`, 'utf8')).toBe('new\n');
    expect(readFileSync(`${folder}/y`, 'utf8')).toBe('more\n');
    expect(readdirSync(folder).sort()).toEqual(['file', 'made', 'y']);
  });

  it('read-only with :ro, and with --mount readonly', async () => {
    for (const flags of [
      ['-v', `${folder}:/m:ro`],
      ['--mount', `type=bind,source=${folder},target=/m,readonly`],
    ]) {
      const script = 'cat /m/file; echo x >/m/file; rm /m/file; mkdir /m/d; touch /m/file';
      const { stdout, stderr, status } = await runInSandbox(flags, ['sh', '-c', script], options);
      expect(stdout.toString()).toBe('original\n');
      expect(stderr.toString().match(/Read-only file system/g)).toHaveLength(4);
      expect(status).toBe(1);
    }
    expect(readFileSync(`${folder}/file`, 'utf8')).toBe('original\n');
  });

  it('in memory with :overlay', async () => {
    const script = 'echo changed >/m/file; echo x >/m/new; cat /m/file; rm /m/file; ls /m';
    expect(await shellInSandbox(['-v', `${folder}:/m:overlay`], script, options)).toBe('changed\nnew\n');
    expect(readdirSync(folder)).toEqual(['file']);
    expect(readFileSync(`${folder}/file`, 'utf8')).toBe('original\n');
  });

  it('shows a single file, and takes paths from the working directory', async () => {
    expect(await shellInSandbox(['-v', './shown/file:/shown'], 'cat /shown; echo through >/shown', options)).toBe('original\n');
    expect(readFileSync(`${folder}/file`, 'utf8')).toBe('through\n');
  });

  it('on a place that does not exist, inside only', async () => {
    const places = ['/etc/sbx-test', '/usr/share/sbx-test/deep/file', '/m/new', '/tmp/a/b', `${folder}/c`];
    const flags = ['-v', `${folder}:/m`, ...places.flatMap((place) => ['-v', `./file:${place}`]), '-v', `${folder}:/opt/sbx-test/new`];
    const script = `cat ${places.join(' ')} /opt/sbx-test/new/file; cd /m; ls; echo through >/etc/sbx-test; ls -d /etc/sbx*; rm new`;
    const { stdout, stderr } = await runInSandbox(flags, ['sh', '-c', script], { cwd: folder });
    expect(stdout.toString()).toBe(`${'original\n'.repeat(6)}file\nnew\n/etc/sbx-test\n`);
    expect(stderr.toString()).toContain('Device or resource busy');
    expect(readFileSync(`${folder}/file`, 'utf8')).toBe('through\n');
    expect(readdirSync(folder)).toEqual(['file']);
    for (const place of [...places, '/opt/sbx-test']) expect(existsSync(place)).toBe(false);
  });

  it('a tmpfs has the size that it was given', async () => {
    const flags = ['--mount', 'type=tmpfs,target=/t,tmpfs-size=1m'];
    const script = 'head -c 2000000 /dev/zero >/t/x; stat -c %s /t/x; echo $(df -B1 --output=size /t | tail -n 1)';
    expect(await shellInSandbox(flags, script, options)).toBe('1048576\n1048576\n');
  });
});

describePrograms('the files of sbx run', { programs: ['unshare'] }, () => {
  it('are the whole host with --rootfs host, and the host stays as it was', async () => {
    const secret = `${top}/elsewhere`;
    mkdirSync(secret, { recursive: true });
    writeFileSync(`${secret}/kept`, 'kept\n');
    const script = `cat ${secret}/kept; echo gone >${secret}/kept; rm -r ${secret}; ls ${secret} 2>&1 | wc -l; test -d /root && echo whole`;
    expect(await shellInSandbox(['--rootfs', 'host'], script, { cwd: '/' })).toBe('kept\n1\nwhole\n');
    expect(readFileSync(`${secret}/kept`, 'utf8')).toBe('kept\n');
    // Without it nothing of that is seen.
    expect(await shellInSandbox([], `ls ${secret} 2>/dev/null | wc -l`, { cwd: folder })).toBe('0\n');
  });

  it('has a home directory that is empty, where the working directory would be the caller’s', async () => {
    const home = emptied(`${top}/home`);
    writeFileSync(`${home}/secret`, 's3cr3t');
    const { stdout, stderr } = await runInSandbox([], ['sh', '-c', 'echo ~; ls -A ~ .; echo made >~/x; cat ~/x'], {
      cwd: home,
      env: { PATH: '/usr/bin:/bin', HOME: home },
    });
    expect(stdout.toString()).not.toContain('secret');
    expect(stdout.toString()).toMatch(/made\n$/);
    expect(stderr.toString()).toContain('is your home directory');
    expect(existsSync(`${home}/x`)).toBe(false);
  });

  it('need a platform: without one sbx says why, with status 125', async () => {
    const { SBX_NODE = process.execPath } = process.env;
    const script = `mount --bind /dev/null /dev/kvm && exec "$0" run --platform kvm -- true`;
    const { status, stderr } = await run('unshare', ['-rm', 'sh', '-c', script, sbx], {
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', SBX_NODE },
    });
    expect(stderr.toString()).toMatch(/^sbx: no usable platform \(kvm: the device is not a KVM/);
    expect(status).toBe(125);
  });
});

describePrograms('a working directory', { programs: ['bash'] }, () => {
  /** Runs a script of bash's in an empty directory, with the command line as $SBX. */
  async function bash(script: string) {
    const { status, stdout, stderr } = await run('bash', ['-c', script], { cwd: emptied(folder), env: { ...ENVIRONMENT, SBX: sbx } });
    return { status, stdout: stdout.toString('latin1'), stderr: stderr.toString('latin1') };
  }

  it('whose name is no UTF-8 is seen as any other, and paths are taken from it', async () => {
    const script = String.raw`trap 'cd /; rm -rf ${folder}/*' EXIT; mkdir -p $'a\xff\xc3\xbc/b'; cd $'a\xff\xc3\xbc'; echo shown >b/file; printf '#!/bin/sh\necho ran' >b/program
      chmod +x b/program; export LC_SECOND=$'\xfe'
      $SBX run -v ./b:/b -v "$PWD/b/file:/etc/sbx-test"$'\xfd' -- sh -c 'pwd; cat b/file /b/file /etc/sbx-test*; echo $LC_SECOND; echo new >b/file' && cat b/file
      $SBX run ./b/program; $SBX run --rootfs b -v /:/host:ro -- /host/bin/busybox cat file`;
    const expected = `${folder}/a\xff\xc3\xbc\nshown\nshown\nshown\n\xfe\nshown\nran\nshown\n`;
    expect(await bash(script)).toEqual({ status: 0, stdout: expected, stderr: '' });
  });

  it('whose name is no UTF-8 is not seen if it is the home directory', async () => {
    const script = String.raw`trap 'cd /; rm -rf ${folder}/*' EXIT; mkdir $'\xff'; cd $'\xff'; echo secret >file; export HOME=$PWD; $SBX run -- sh -c 'ls; ls ~; pwd'`;
    expect(await bash(script)).toEqual({
      status: 0,
      stdout: `${folder}/\xff\n`,
      stderr: expect.stringContaining('is your home directory'),
    });
  });

  it('that is gone is an error', async () => {
    expect(await bash('mkdir gone; cd gone; rmdir ../gone; exec $SBX run -- true')).toEqual({
      status: 125,
      stdout: '',
      stderr: expect.stringContaining('sbx: the working directory does not exist any more: cd to another\n'),
    });
  });
});
