import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { exec } from './exec.mjs';
import { root } from './paths.mjs';
import { prepare } from './prepare.mjs';
import { command } from './setup-error.mjs';

/** As the caller set it: what is in the sandbox sees it, and preparing changes it. */
const { PATH } = process.env;
const sbx = path.join(root, 'packages/cli/bin/sbx');

/** What `npm start` runs without arguments. Everything in it is an ordinary program of this machine. */
const demo = `echo "uname   $(uname -sr)"
echo "id      $(id -u -n 2>/dev/null || id -u) in $(pwd), process $$"
echo "home    $(ls -A ~ | wc -l) files in $HOME"
python3 -c 'print("python ", sum(n * n for n in range(1000)))'
echo made inside >made-inside && echo "wrote   $(cat made-inside)"`;

/**
 * npm start: prepares the clone and runs `sbx` with the arguments; without any, a demonstration.
 *
 * @param {readonly string[]} args
 */
export function start(args) {
  return command(async () => {
    await prepare();
    return args.length > 0 ? await runSbx(args) : await demonstrate();
  });
}

/**
 * @param {readonly string[]} args
 * @param {string} [cwd]
 */
async function runSbx(args, cwd) {
  const { status, error } = await exec(sbx, args, { cwd, env: { ...process.env, PATH } });
  if (error) throw error;
  return status;
}

async function demonstrate() {
  const folder = mkdtempSync(path.join(tmpdir(), 'sbx-demo-'));
  try {
    const log = path.join(folder, 'strace');
    const work = path.join(folder, 'work');
    mkdirSync(work);
    process.stdout.write(`$ sbx run --strace=FILE -- sh -c '…'\n${demo.replace(/^/gm, '    ')}\n\n`);
    const status = await runSbx(['run', `--strace=${log}`, '--', 'sh', '-c', demo], work);
    if (status !== 0) return status;
    process.stdout.write(`\n${summary(log)}made-inside is ${existsSync(path.join(work, 'made-inside')) ? '' : 'not '}on the host.\n`);
    process.stdout.write('\nYour turn: npm start -- run -- COMMAND, and npm start -- --help.\n');
    return 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * What the system-call log says: how many calls, and which most often.
 *
 * @param {string} log
 */
function summary(log) {
  if (!existsSync(log)) return '';
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const [, name] of readFileSync(log, 'latin1').matchAll(/^[^(\n]*?\b([a-z_][a-z0-9_]*)\(/gm))
    counts.set(name, (counts.get(name) ?? 0) + 1);
  const total = [...counts.values()].reduce((a, b) => a + b, 0);
  const most = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 8);
  return `The sandbox's kernel served ${total} system calls: ${most.map(([name, count]) => `${name} ${count}`).join(', ')}, …\n`;
}
