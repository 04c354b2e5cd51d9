import { chmodSync, linkSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Sandbox } from '../src/index.js';
import { describeSandbox } from './support/describe-sandbox.js';
import { guestTool, TOOL } from './support/guest-tool.js';
import { until } from './support/processes.js';
import { scratch } from './support/scratch.js';
import { observe } from './support/sentries.js';
import { Transcript } from './support/transcript.js';
import { treeDigest } from './support/tree-digest.js';

/** A tree of files of all kinds. */
function fill(folder: string): void {
  mkdirSync(`${folder}/a/b/c`, { recursive: true });
  for (const [name, text] of Object.entries({
    one: '1\n',
    'a/two': 'two\n'.repeat(5000),
    'a/b/three': '3',
    'a/b/c/four': '',
    program: '#!/bin/sh\necho it ran\n',
  }))
    writeFileSync(`${folder}/${name}`, text);
  chmodSync(`${folder}/program`, 0o755);
  linkSync(`${folder}/one`, `${folder}/a/link-to-one`);
  symlinkSync('../one', `${folder}/a/symlink`);
  symlinkSync('/etc/passwd', `${folder}/absolute`);
}

/** Changes everything below the working directory in every way. */
const CHANGE_EVERYTHING = `set -e
echo more >>one; echo new >new; echo over >a/two; truncate -s 1 a/b/three
mkdir -p x/y; echo z >x/y/z; mv a/b x/moved; mv one x/one; ln x/one x/hard; ln -s nowhere x/soft
chmod 600 program; chown 12:34 a/two; touch -d 2001-01-01 a/link-to-one; rm absolute; rm -r a; mkdir a; echo again >a/two
cp program copy; sed -i s/ran/walked/ program; mkfifo fifo; cat x/one x/hard a/two x/y/z x/moved/three; ls | tr '\\n' ' '`;
const CHANGED = '1\nmore\n1\nmore\nagain\nz\n3a copy fifo new program x ';

describeSandbox('files of the host', { c: true }, () => {
  const folder = scratch('files');
  const tree = `${folder}/tree`;
  const shared = `${folder}/shared`;
  let sandbox: Sandbox;
  beforeAll(async () => {
    mkdirSync(tree);
    mkdirSync(shared);
    mkdirSync(`${folder}/tool`);
    fill(tree);
    sandbox = await Sandbox.create({
      workingDirectory: tree,
      mounts: [
        await guestTool(`${folder}/tool`),
        { target: '/overlay', source: tree, overlay: true },
        { target: '/read-only', source: tree, readOnly: true },
        { target: '/shared', source: shared },
      ],
    });
  });
  afterAll(() => sandbox?.close());

  it.each(['the working directory', 'an overlay mount'])('are as they were after programs changed everything in %s', async (what) => {
    const cwd = what === 'an overlay mount' ? '/overlay' : tree;
    const before = treeDigest(tree);
    const { stdout, stderr } = await sandbox.run('sh', ['-c', CHANGE_EVERYTHING], { cwd });
    expect({ stdout, stderr }).toEqual({ stdout: CHANGED, stderr: '' });
    expect(treeDigest(tree)).toEqual(before);
    // What was written is there for the next program, and nowhere else.
    expect((await sandbox.run('sh', ['copy'], { cwd })).stdout).toBe('it ran\n');
    expect((await sandbox.run('cat', ['/read-only/one'])).stdout).toBe('1\n');
  });

  it('get no mount points, also where the root is writable', async () => {
    const root = `${folder}/root`;
    mkdirSync(root);
    await using own = await Sandbox.create({
      rootfs: { type: 'dir', path: root, writable: true },
      mounts: [
        { target: '/bin', source: '/bin', readOnly: true },
        { target: '/lib', source: '/lib', readOnly: true },
        { target: '/lib64', source: '/lib64', readOnly: true },
        { target: '/data/deep', source: tree, readOnly: true },
      ],
    });
    const { stdout } = await own.run('/bin/sh', ['-c', 'cat /data/deep/one; echo *; echo written >file']);
    expect(stdout).toBe('1\nbin data dev lib lib64 proc sys\n');
    expect(readdirSync(root)).toEqual(['file']);
  });

  it('cannot be changed through a read-only mount', async () => {
    const before = treeDigest(tree);
    const script = 'echo x >one; rm a/two; mkdir d; mv one two; ln one three; chmod 777 one; touch one; : >>a/two; true';
    const { stderr } = await sandbox.run('sh', ['-c', script], { cwd: '/read-only' });
    expect(stderr.match(/Read-only file system/g)?.length).toBe(8);
    expect(treeDigest(tree)).toEqual(before);
  });

  it('are what programs make of them through a writable mount, at once', async () => {
    fill(shared);
    const { stdout } = await sandbox.run('sh', ['-c', CHANGE_EVERYTHING], { cwd: '/shared' });
    expect(stdout).toBe(CHANGED);
    expect(readdirSync(shared).sort()).toEqual(['a', 'copy', 'fifo', 'new', 'program', 'x']);
    expect(readFileSync(`${shared}/x/hard`, 'utf8')).toBe('1\nmore\n');
    expect(readFileSync(`${shared}/program`, 'utf8')).toContain('walked');
    // Before the program has ended, and before it has closed the file.
    const child = await sandbox.spawn('sh', ['-c', 'exec 5>live; echo first >&5; read x; echo second >&5; read x'], { cwd: '/shared' });
    await until(() => readdirSync(shared).includes('live') && readFileSync(`${shared}/live`, 'utf8') === 'first\n');
    child.stdin.write('\n');
    await until(() => readFileSync(`${shared}/live`, 'utf8') === 'first\nsecond\n');
    child.stdin.end();
    await child.wait();
  });

  it('have exactly what system calls wrote after kill -9 of the sentry', async () => {
    const { sandbox: doomed, sentry } = await observe({
      workingDirectory: false,
      mounts: [
        { target: '/tool', source: `${folder}/tool` },
        { target: '/shared', source: shared },
      ],
    });
    const child = await doomed.spawn(TOOL, ['append', '/shared/records']);
    const said = new Transcript(child.stdout);
    await said.shows(/record 00000200/);
    process.kill(sentry, 'SIGKILL');
    await child.wait().catch(() => {});
    const told = said.text.match(/record \d{8}\n/g)!.length;
    const found = readFileSync(`${shared}/records`, 'utf8');
    const records = found.length / 16;
    expect(found).toBe(Array.from({ length: records }, (_, i) => `record ${String(i).padStart(8, '0')}\n`).join(''));
    // Each that was told was written before; the reader may not have seen the last ones told.
    expect(records).toBeGreaterThanOrEqual(told);
    await doomed.close();
  });

  it.each(['msync', 'munmap', 'exit', 'keep'])('have what was stored to a shared mapping: %s', async (how) => {
    const file = `${shared}/stored-${how}`;
    const child = await sandbox.spawn(TOOL, ['store', `/shared/stored-${how}`, how]);
    if (how === 'exit') await child.wait();
    else await new Transcript(child.stdout).shows(/done/);
    if (how !== 'keep') {
      const bytes = readFileSync(file);
      expect(bytes.length).toBe(3 * 4096);
      expect(bytes.toString('latin1', 0, 6)).toBe('first\0');
      expect(bytes.toString('latin1', bytes.length - 5)).toBe('last\0');
    }
    child.kill('SIGKILL');
    await child.wait();
    // The end of a process unmaps what it had mapped, however it ends.
    expect(readFileSync(file).toString('latin1', 0, 5)).toBe('first');
  });

  it('are seen as somebody else on the host changes them', async () => {
    writeFileSync(`${shared}/edited`, 'before\n');
    const child = await sandbox.spawn('sh', ['-c', 'exec 5<edited; while read x; do cat edited; ls | grep -c made; done'], {
      cwd: '/shared',
    });
    const said = new Transcript(child.stdout);
    child.stdin.write('\n');
    await said.shows(/before\n0\n/);
    writeFileSync(`${shared}/edited`, 'after it was written to\n');
    writeFileSync(`${shared}/made`, '');
    child.stdin.write('\n');
    await said.shows(/after it was written to\n1\n/);
    writeFileSync(`${shared}/edited.new`, 'replaced\n');
    renameSync(`${shared}/edited.new`, `${shared}/edited`);
    child.stdin.write('\n');
    await said.shows(/replaced\n1\n/);
    child.stdin.end();
    await child.wait();
    // An open file sees the next read, also under an overlay that has not copied it.
    writeFileSync(`${tree}/log`, 'one\n');
    const tail = await sandbox.spawn('sh', ['-c', 'exec <log; read line; echo $line; while ! read line; do sleep 0.02; done; echo $line'], {
      cwd: '/overlay',
    });
    const lines = new Transcript(tail.stdout);
    await lines.shows(/one\n/);
    writeFileSync(`${tree}/log`, 'two\n', { flag: 'a' });
    await lines.shows(/two\n/);
    await tail.wait();
  });
});
