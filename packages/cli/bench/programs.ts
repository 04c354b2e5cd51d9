import { spawnSync } from 'node:child_process';
import { existsSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Sandbox } from '@sbx/sandbox';
import type { Row, Table } from '../../../tools/native/results.js';
import type { System } from './systems.js';
import type { Extent, Workspace } from './workspace.js';

const TIMEOUT_MS = 300_000;
/** Modules that bring many others in. */
const IMPORTS = 'asyncio, email.mime.text, http.server, json, multiprocessing, sqlite3, ssl, unittest, urllib.request, xml.dom.minidom';

/** The interpreter itself: what is first on PATH may be a version manager's script. */
const python = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';

/** A command; what is behind a pipe runs on the host. */
interface Program {
  readonly name: string;
  readonly command: readonly string[];
  readonly behindPipe?: string;
}

function programs({ hello }: Workspace, { megabytes }: Extent): Program[] {
  const size = `${megabytes} MiB`;
  return [
    { name: '/bin/true', command: ['/bin/true'] },
    { name: 'node -e 0', command: [process.execPath, '-e', '0'] },
    { name: 'python3 -c pass', command: [python, '-c', 'pass'] },
    { name: 'python3, importing much', command: [python, '-c', `import ${IMPORTS}`] },
    { name: 'busybox sh, 100 times true', command: ['busybox', 'sh', '-c', 'i=0; while [ $i -lt 100 ]; do /bin/true; i=$((i + 1)); done'] },
    { name: 'gcc, hello world', command: ['gcc', '-O1', '-o', '/tmp/hello', hello] },
    { name: 'tar of /usr/include/linux', command: ['sh', '-c', 'tar cf - /usr/include/linux 2>/dev/null | wc -c'] },
    { name: `cat of a file, ${size}`, command: ['sh', '-c', 'cat big | tail -c 1'] },
    { name: `read of a file, ${size}`, command: ['dd', 'if=big', 'of=/dev/null', 'bs=128k', 'status=none'] },
    { name: `pipe between processes, ${size}`, command: ['sh', '-c', `head -c ${megabytes}M /dev/zero | cat >/dev/null`] },
    { name: `yes | head -c ${size}, head outside`, command: ['yes'], behindPipe: `head -c ${megabytes}M >/dev/null` },
  ];
}

/** Whole programs, from their start to their end, as the caller sees it. */
export function measurePrograms(systems: readonly System[], workspace: Workspace, extent: Extent): Table {
  const big = path.join(workspace.folder, 'big');
  writeFileSync(big, '');
  truncateSync(big, extent.megabytes * 2 ** 20);
  const rows: Row[] = programs(workspace, extent).map((program) => {
    const samples: Record<string, number[] | string> = {};
    // The first run of each warms caches up: the host's, and V8's code cache.
    for (let run = -1; run < extent.runs; run++) {
      for (const system of systems) {
        if (typeof samples[system.name] === 'string') continue;
        const time = timeOf(program, system, workspace.folder);
        if (typeof time === 'string') samples[system.name] = time;
        else if (run >= 0) (samples[system.name] ??= [] as number[]) && (samples[system.name] as number[]).push(time);
      }
    }
    return { name: program.name, samples };
  });
  return {
    title: 'Programs, from start to end',
    notes: [
      'Files that are read are in the page cache of the host.',
      'The goal for `/bin/true` is set beside `node -e 0` on the host, because the sandbox is a process of Node.',
    ],
    systems: systems.map(({ name }) => name),
    rows,
  };
}

/** Nanoseconds of one run, or what went wrong. */
function timeOf({ command, behindPipe }: Program, { prefix }: System, folder: string): number | string {
  const full = [...prefix, ...command];
  const argv = behindPipe === undefined ? full : ['sh', '-c', `"$@" | ${behindPipe}`, 'sh', ...full];
  const start = process.hrtime.bigint();
  const { status, error, stderr } = spawnSync(argv[0], argv.slice(1), {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: TIMEOUT_MS,
  });
  const time = Number(process.hrtime.bigint() - start);
  if (status === 0) return time;
  return error?.message ?? `it ended with status ${status}: ${stderr.trim().split('\n').at(-1)}`;
}

/** The library: how long an embedding program waits for a sandbox, and for programs in it. */
export async function measureLibrary(platforms: readonly string[], extent: Extent): Promise<Table> {
  const names = ['Sandbox.create', 'first run of /bin/true', 'second run of /bin/true', 'close'];
  const rows: Row[] = names.map((name) => ({
    name,
    samples: Object.fromEntries(platforms.map((platform) => [`sbx ${platform}`, [] as number[]])),
  }));
  for (let run = -1; run < extent.runs; run++) {
    for (const platform of platforms) {
      let start = process.hrtime.bigint();
      let row = 0;
      const lap = () => {
        const now = process.hrtime.bigint();
        if (run >= 0) (rows[row].samples[`sbx ${platform}`] as number[]).push(Number(now - start));
        row++;
        start = process.hrtime.bigint();
      };
      const sandbox = await Sandbox.create({ platform });
      lap();
      await sandbox.run('/bin/true');
      lap();
      await sandbox.run('/bin/true');
      lap();
      await sandbox.close();
      lap();
    }
  }
  return { title: 'The library', notes: [], systems: platforms.map((platform) => `sbx ${platform}`), rows };
}
