import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, expect, it, onTestFinished } from 'vitest';
import { Sandbox } from '../src/index.js';
import { describeSandbox } from './support/describe-sandbox.js';
import { processes } from './support/processes.js';
import { scratch } from './support/scratch.js';
import { observe } from './support/sentries.js';
import { treeDigest } from './support/tree-digest.js';

/** Names in /etc that begin with "host", resolv.conf and machine-id, as a sandbox has them. */
const HOST_NAMES = new Set([
  ...readdirSync('/etc').filter((name) => name.startsWith('host')),
  'hostname',
  'hosts',
  'resolv.conf',
  'machine-id',
]).size;
const SECRET = 'correct horse battery staple';

/** Swaps entries of a directory, round and round, until it is terminated: what a path was when it was looked at is not what it is a moment later. */
const RACER = `
const fs = require('node:fs');
const { workerData: folder } = require('node:worker_threads');
const attempt = (action) => { try { action(); } catch {} };
for (;;) {
  // A directory that is now and then a symlink out of the root.
  attempt(() => fs.renameSync(folder + '/share/flip', folder + '/share/aside'));
  attempt(() => fs.symlinkSync('../outside', folder + '/share/flip'));
  attempt(() => fs.unlinkSync(folder + '/share/flip'));
  attempt(() => fs.symlinkSync(folder + '/outside', folder + '/share/flip'));
  attempt(() => fs.unlinkSync(folder + '/share/flip'));
  attempt(() => fs.renameSync(folder + '/share/aside', folder + '/share/flip'));
  // A directory that is now and then moved out of the root, with what stands in it.
  attempt(() => fs.renameSync(folder + '/share/deep/er', folder + '/elsewhere'));
  attempt(() => fs.renameSync(folder + '/elsewhere', folder + '/share/deep/er'));
}`;

describeSandbox('the root of a mount', {}, () => {
  const folder = scratch('confinement');
  mkdirSync(`${folder}/share/flip`, { recursive: true });
  mkdirSync(`${folder}/share/deep/er/est`, { recursive: true });
  mkdirSync(`${folder}/outside/est`, { recursive: true });
  for (const file of ['outside/secret', 'secret', 'outside/est/secret']) writeFileSync(`${folder}/${file}`, SECRET);
  for (const file of ['share/flip/secret', 'share/deep/er/secret', 'share/deep/er/est/secret'])
    writeFileSync(`${folder}/${file}`, 'inside\n');
  symlinkSync('../secret', `${folder}/share/up`);
  symlinkSync('../../../../../../../../../..', `${folder}/share/root`);
  symlinkSync(`${folder}/outside`, `${folder}/share/absolute`);
  symlinkSync('/proc/self/root', `${folder}/share/proc-root`);

  it('is not left by "..", symlinks, /proc, hard links or renames', async () => {
    await using sandbox = await Sandbox.create({ workingDirectory: false, mounts: [{ target: '/share', source: `${folder}/share` }] });
    const before = treeDigest(`${folder}/outside`);
    const script = `cd /share
      for f in up root${folder}/secret absolute/secret ../secret ../../${folder}/secret ..${folder}/secret proc-root${folder}/secret /proc/self/root${folder}/secret \\
        /proc/self/cwd/../secret /proc/1/root${folder}/secret /proc/self/fd/9/../secret flip/../../secret deep/er/est/../../../../secret; do cat "$f"; cp "$f" stolen; done
      ln up hard; cat hard; ln -L up hard2; ln ../secret hard3; mv up /tmp/up; cat /tmp/up; mv /tmp/up up
      mv ../secret got; mv deep/../../outside got; mkdir d; cd d; mv ../d ../../d2; cat ../secret ../../secret; cd /share; rmdir d
      exec 9</share; cat /proc/self/fd/9/../secret; cd /proc/self/fd/9 && cd .. && pwd -P; chroot /share cat /../secret; chroot /share /bin/cat /up
      echo overwritten >up; echo overwritten >absolute/secret; rm -rf absolute/secret root${folder}/outside ../outside; touch ../new absolute/new
      mount --bind / /share; pivot_root /share /share/deep`;
    const { stdout } = await sandbox.run('sh', ['-c', script]);
    expect(stdout).not.toContain(SECRET);
    expect(treeDigest(`${folder}/outside`)).toEqual(before);
    expect(readFileSync(`${folder}/secret`, 'utf8')).toBe(SECRET);
    // Inside, ".." at the root is the root of the sandbox, where a file called secret is its own.
    expect((await sandbox.run('sh', ['-c', 'echo own >/secret; ln -sfn ../secret /share/link; cat /share/link'])).stdout).toBe('own\n');
  });

  it.each(['writable', 'overlay', 'read-only'])(
    'is not left while somebody on the host renames and replaces what is below it: %s',
    async (how) => {
      const mount = { target: '/share', source: `${folder}/share`, readOnly: how === 'read-only', overlay: how === 'overlay' };
      await using sandbox = await Sandbox.create({ workingDirectory: false, mounts: [mount] });
      const racer = new Worker(RACER, { eval: true, workerData: folder });
      onTestFinished(async () => void (await racer.terminate()));
      const script = `
      use strict; my ($end, $reads, $bad) = (time + 4, 0, 0);
      chdir "/share/deep/er/est";
      sub look { my ($f) = @_; open(my $h, "<", $f) or return; my $t = <$h>; $reads++; if (defined $t && $t !~ /^inside/) { $bad++; print "$f: $t\\n" } }
      while (time < $end) {
        for my $f ("/share/flip/secret", "/share/flip/../secret", "/share/flip/est/secret", "/share/deep/er/secret", "/share/deep/er/est/../../../../secret",
                   "../secret", "../../secret", "../../../secret", "../../../../secret", "../../../../outside/secret") { look($f) }
        for my $d ("/share/flip", "/share/flip/..", "..", "../..", "../../..", "../../../..") {
          opendir(my $h, $d) or next; for (readdir $h) { if (/^outside$|^elsewhere$/) { $bad++; print "$d has $_\\n" } }
        }
        open(my $h, ">", "/share/flip/made"); open($h, ">", "/share/deep/er/est/../made"); rename "/share/flip/made", "/share/deep/er/made2"; unlink "/share/flip/gone";
        mkdir "/share/flip/dir"; rmdir "/share/flip/dir"; link "/share/flip/secret", "/share/linked"; look("/share/linked"); unlink "/share/linked";
        chdir "/share/deep/er/est";
      }
      print "$reads reads\\n" if $reads > 0; print "$bad bad\\n";`;
      const { stdout, stderr } = await sandbox.run('perl', ['-e', script]);
      expect({ stdout, stderr }).toEqual({ stdout: expect.stringMatching(/^\d+ reads\n0 bad\n$/), stderr: '' });
      await racer.terminate();
      for (const file of ['outside/secret', 'secret', 'outside/est/secret']) expect(readFileSync(`${folder}/${file}`, 'utf8')).toBe(SECRET);
      expect(treeDigest(`${folder}/outside`).map((line) => line.split(' ')[0])).toEqual(['.', 'est', 'est/secret', 'secret']);
    },
  );
});

describeSandbox('secrets of the host', {}, () => {
  const home = scratch('home');
  const project = scratch('project');
  writeFileSync(`${home}/.token`, SECRET);
  mkdirSync(`${home}/.ssh`);
  writeFileSync(`${home}/.ssh/id_rsa`, SECRET);
  writeFileSync(`${project}/file`, 'of the project\n');
  const { HOME } = process.env;
  process.env.HOME = home;
  process.env.SBX_TEST_SECRET = SECRET;
  afterAll(() => {
    if (HOME === undefined) delete process.env.HOME;
    else process.env.HOME = HOME;
    delete process.env.SBX_TEST_SECRET;
  });

  it.each([
    ['the working directory is the project', project],
    ['the working directory is the home directory', home],
    ['the working directory contains it', '/'],
    ['there is no working directory', false],
  ] as const)('in the home directory are not seen: %s', async (_, workingDirectory) => {
    await using sandbox = await Sandbox.create({ workingDirectory });
    const { stdout } = await sandbox.run('sh', [
      '-c',
      `cat ${home}/.token ${home}/.ssh/id_rsa ~/.token .token; ls -A ~; grep -rs 'horse battery' ~ /tmp; pwd`,
    ]);
    expect(stdout).toBe(`${workingDirectory || '/'}\n`);
    if (workingDirectory === home) expect(sandbox.warnings).toEqual([expect.stringContaining('is your home directory')]);
    else if (workingDirectory === '/') expect(sandbox.warnings).toEqual([expect.stringContaining('contains your home directory')]);
    else expect(sandbox.warnings).toEqual([]);
  });

  it('in the environment are not seen, neither are other processes', async () => {
    const { sandbox, sentry } = await observe({ workingDirectory: false });
    const { stdout } = await sandbox.run('sh', ['-c', 'env; cat /proc/*/environ | tr "\\0" "\\n"; cat /proc/*/cmdline | tr "\\0" " "']);
    expect(stdout).not.toContain(SECRET);
    expect(stdout).not.toContain('SBX_');
    expect(stdout).not.toContain('vitest');
    expect((await sandbox.run('cat', [`/proc/${sentry}/environ`])).stderr).toMatch(
      sentry < 32768 ? /No such file|Permission/ : /No such file/,
    );
    await sandbox.close();
  });

  it.each([
    ['seen', false],
    ['the working directory', '/etc'],
  ] as const)('which machine it is shows nowhere in /etc, whoever the user is: %s', async (_, workingDirectory) => {
    await using sandbox = await Sandbox.create({ workingDirectory, hostname: 'inside', user: { uid: 0, gid: 0 } });
    const read = async (command: string) => (await sandbox.run('sh', ['-c', command])).stdout;
    expect(await read('cat /etc/hostname /proc/sys/kernel/hostname; uname -n')).toBe('inside\ninside\ninside\n');
    expect(await read('cat /etc/hosts')).toBe('127.0.0.1\tlocalhost\n127.0.1.1\tinside\n::1\tlocalhost ip6-localhost ip6-loopback\n');
    expect(await read('cat /etc/resolv.conf')).toBe('');
    const machine = await read('cat /etc/machine-id');
    expect(machine).toMatch(/^[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}\n$/);
    if (existsSync('/etc/machine-id')) expect(machine).not.toBe(readFileSync('/etc/machine-id', 'latin1'));
    // Nor below what root of the sandbox may take away.
    const script = `umount /etc/hostname; rm /etc/hostname; mount -o remount,rw /etc; rm /etc/machine-id; mkdir /tmp/etc; mount --bind /etc /tmp/etc
      cat /tmp/etc/hostname /tmp/etc/machine-id /etc/hostname; ls /etc | grep -c -e '^host' -e '^resolv.conf$' -e '^machine-id$'`;
    const shown = await read(script);
    expect(shown).toBe(workingDirectory === false ? `inside\n${machine}inside\n${HOST_NAMES}\n` : `${HOST_NAMES - 2}\n`);
  });

  it('in system files that not everybody may read cannot be read, whoever the user is', async () => {
    for (const user of [
      { uid: 0, gid: 0 },
      { uid: 1000, gid: 1000 },
    ]) {
      await using sandbox = await Sandbox.create({ workingDirectory: false, user });
      const { stdout, stderr } = await sandbox.run('sh', [
        '-c',
        'cat /etc/shadow /etc/gshadow; cp /etc/shadow /tmp/x; head -c 1 /etc/passwd',
      ]);
      expect(stdout).toBe('r');
      expect(stderr.match(/Permission denied/g)?.length).toBe(3);
    }
  });

  it('devices, sockets and fifos of the host cannot be opened', async () => {
    const share = scratch('special');
    const { execFileSync } = await import('node:child_process');
    execFileSync('mkfifo', [`${share}/fifo`]);
    const isRoot = process.getuid!() === 0;
    if (isRoot) execFileSync('mknod', ['-m', '666', `${share}/device`, 'c', '1', '5']);
    const server = createServer((socket) => socket.end(SECRET));
    await new Promise<void>((resolve) => server.listen(`${share}/socket`, resolve));
    onTestFinished(() => void server.close());
    chmodSync(`${share}/socket`, 0o777);
    for (const mode of [{}, { readOnly: true }, { overlay: true }]) {
      await using sandbox = await Sandbox.create({ workingDirectory: false, mounts: [{ target: '/share', source: share, ...mode }] });
      const script = `use Socket; $| = 1;
        for my $f (qw(fifo socket device)) { for my $m ("<", ">", "+<") { print open(my $h, $m, "/share/$f") ? "$f opened\\n" : "" } }
        socket(my $s, PF_UNIX, SOCK_STREAM, 0); print connect($s, sockaddr_un("/share/socket")) ? "connected\\n" : "refused\\n";`;
      const { stdout } = await sandbox.run('perl', ['-e', script], { timeout: 30_000 });
      expect(stdout).toBe('refused\n');
    }
  });
});

describeSandbox('what a mount of the configuration covers', {}, () => {
  const shown = scratch('covered');
  mkdirSync(`${shown}/covered`);
  writeFileSync(`${shown}/covered/secret`, SECRET);
  /** Looks below `place` by all ways that root of a sandbox has, and lists what is there. */
  const uncover = (place: string) => {
    const { dir, base } = path.parse(place);
    return `mkdir /tmp/moved /tmp/bound /tmp/copied
      umount ${place}; ls -A ${place}; umount -l ${place}; ls -A ${place}; mount --move ${place} /tmp/moved; ls -A ${place}
      mount --bind ${dir} /tmp/bound; mount --bind / /tmp/bound; ls -A /tmp/bound
      mount --rbind ${dir} /tmp/copied; cd /tmp/copied; umount ${base}; umount -l ${base}; mount --move ${base} /tmp/moved; ls -A ${base}
      mount --bind . /tmp/bound; ls -A /tmp/bound
      umount -l /tmp/copied; ls -A ${base}; umount ${base}; ls -A ${base}; mount --bind . /tmp/bound; ls -A /tmp/bound`;
  };

  it.each(['under its own name', 'by a symlink'])('a home directory in a system directory, %s', async (how) => {
    const place = `/usr/share/${readdirSync('/usr/share').find((name) => /^[a-z]+$/.test(name))}`;
    expect(readdirSync(place)).not.toEqual([]);
    const { HOME } = process.env;
    const link = `${shown}/home`;
    if (how === 'by a symlink') symlinkSync(place, link);
    process.env.HOME = how === 'by a symlink' ? link : place;
    onTestFinished(() => {
      if (HOME === undefined) delete process.env.HOME;
      else process.env.HOME = HOME;
    });
    await using sandbox = await Sandbox.create({ workingDirectory: false, user: { uid: 0, gid: 0 } });
    expect((await sandbox.run('sh', ['-c', uncover(place)])).stdout).toBe('');
    // What it made itself it may take away.
    expect((await sandbox.run('sh', ['-c', 'mount -t tmpfs none /tmp/bound && umount /tmp/bound && echo done'])).stdout).toBe('done\n');
  });

  it('a tmpfs on a directory that is shown', async () => {
    const mounts = [
      { target: '/share', source: shown },
      { target: '/share/covered', type: 'tmpfs' as const },
    ];
    await using sandbox = await Sandbox.create({ workingDirectory: false, user: { uid: 0, gid: 0 }, mounts });
    expect((await sandbox.run('sh', ['-c', uncover('/share/covered')])).stdout).toBe('');
  });

  it('the file systems of the host’s kernel, where the root is the host’s', async () => {
    await using sandbox = await Sandbox.create({
      rootfs: { type: 'host' },
      workingDirectory: false,
      user: { uid: 0, gid: 0 },
      hostname: 'inside',
    });
    const script = `umount -l /proc; umount -l /sys; umount -l /dev; mkdir /tmp/bound; mount --bind / /tmp/bound; ls -A /tmp/bound; cat /proc/sys/kernel/hostname
      mkdir /tmp/dev; mount --bind /dev /tmp/dev && ls /tmp/dev/null`;
    expect((await sandbox.run('sh', ['-c', script])).stdout).toBe('inside\n/tmp/dev/null\n');
  });
});

describeSandbox('the processes of a sandbox', {}, () => {
  it('are one Node process with a clean environment, started by sbx-launch', async () => {
    process.env.NODE_OPTIONS = '--no-warnings';
    process.env.LD_PRELOAD = '';
    process.env.NODE_EXTRA_CA_CERTS = '/nowhere';
    try {
      const { sandbox, launcher, sentry } = await observe({ workingDirectory: false });
      const environment = readFileSync(`/proc/${sentry}/environ`, 'latin1').split('\0');
      expect(environment.filter((line) => /^(NODE_|LD_|UV_|OPENSSL_|GLIBC_TUNABLES)/.test(line))).toEqual([]);
      const children = processes().filter(({ parent }) => parent === launcher);
      expect(
        children.filter(({ command }) => command.includes('boot.cjs') && !command.includes('sbx-launch')).map(({ pid }) => pid),
      ).toEqual([sentry]);
      expect(readFileSync(`/proc/${sentry}/status`, 'utf8')).toMatch(/^NoNewPrivs:\t1$/m);
      await sandbox.close();
    } finally {
      for (const name of ['NODE_OPTIONS', 'LD_PRELOAD', 'NODE_EXTRA_CA_CERTS']) delete process.env[name];
    }
  });

  it('report what isolates them, and what does not yet', async () => {
    await using sandbox = await Sandbox.create({ workingDirectory: false });
    expect(sandbox.isolation.filter(({ active }) => active).map(({ step }) => step)).toEqual(
      expect.arrayContaining(['no_new_privs', 'clean environment']),
    );
    expect(sandbox.isolation.filter(({ active }) => !active).map(({ step }) => step)).toEqual(
      expect.arrayContaining(['Landlock', 'seccomp filter on the sentry']),
    );
    for (const step of sandbox.isolation) expect(Object.keys(step)).toEqual(['step', 'active', 'note']);
    expect(['kvm', 'systrap']).toContain(sandbox.platform);
  });
});
