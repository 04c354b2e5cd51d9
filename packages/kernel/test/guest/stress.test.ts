import { afterAll, describe, expect, it } from 'vitest';
import { compileGuest } from './run/compile.js';
import { guestFolder } from './run/programs.js';
import { GuestSandbox, type RunOptions } from './run/sandbox.js';

/*
 * Programs that do what programs should not. After each the kernel holds nothing of it (GuestSandbox looks), and still does its work: `probe` says so.
 * Here a slice; the whole with SBX_SOAK (`npm run soak`). A seed that found something: STRESS_SEED.
 */
const soak = process.env.SBX_SOAK !== undefined;
const seed = Number(process.env.STRESS_SEED ?? Math.floor(Math.random() * 1e9));
const MiB = 2 ** 20;
const USER = { uid: 1000, gid: 1000 };
const HANG = soak ? 3_600_000 : 300_000;

describe('stress', { timeout: HANG + 60_000 }, () => {
  const sandbox = new GuestSandbox();
  afterAll(() => sandbox.stop());

  /** Runs a program of stress/ and the probe. Returns what it printed. */
  async function stress(name: string, args: readonly (string | number)[], options: RunOptions = {}, where = sandbox): Promise<string> {
    const binary = await compileGuest(`${guestFolder}/stress/${name}.c`);
    const told = `${name} ${args.join(' ')}`;
    try {
      const outcome = await where.run(binary, { ...options, args: args.map(String), timeout: HANG });
      console.log(`${told}: ${outcome.stderr.trim()}`);
      expect(outcome.end, `${told}\n${outcome.stdout}${outcome.stderr}`).toBe('exit 0');
      const probe = await where.run(await compileGuest(`${guestFolder}/stress/probe.c`), { timeout: HANG });
      expect(probe.stdout, told).toBe('alive\n');
      return outcome.stdout;
    } catch (error) {
      throw new Error(`${told}: ${(error as Error).message}`, { cause: error });
    }
  }

  it('random system calls with random arguments, of a user', async () => {
    for (let round = 0; round < (soak ? 10 : 1); round++) expect(await stress('calls', [seed + round, 100_000], USER)).toBe('done\n');
  });

  it('random system calls with random arguments, of root', async () => {
    // It may mount and unmount: the kernel is not used any more.
    const own = new GuestSandbox();
    try {
      for (let round = 0; round < (soak ? 10 : 1); round++) {
        expect(await stress('calls', [seed + round, soak ? 100_000 : 20_000], {}, own)).toBe('done\n');
      }
    } finally {
      own.stop();
    }
  });

  it('damaged ELF files and scripts', async () => {
    expect(await stress('elf', [seed, soak ? 50_000 : 1500])).toBe('done\n');
  });

  it('fork bombs, of processes and of threads', async () => {
    const small = new GuestSandbox({ tasks: soak ? 2000 : 300, memory: 256 * MiB });
    try {
      expect(await stress('bomb', ['processes'], USER, small)).toBe('error 11, signal 9\n');
      expect(await stress('bomb', ['threads'], USER, small)).toBe('error 11, signal 9\n');
    } finally {
      small.stop();
    }
  });

  it('memory hogs of all kinds', async () => {
    const small = new GuestSandbox({ tasks: 300, memory: soak ? 1024 * MiB : 96 * MiB });
    try {
      expect(await stress('hog', [], {}, small)).toBe('done\n');
    } finally {
      small.stop();
    }
  });

  it('10,000 open files and deep directories', async () => {
    const wanted = 'files 1, all ready 1, error 0\ninherited: exit 0\nlevels 1, too long a name 1\nfile 0\nremoved 1\ndone\n';
    expect(await stress('many', [10_000, soak ? 20_000 : 3000])).toBe(wanted);
  });

  it('threads that never make a system call, and are killed', async () => {
    const { kernel } = sandbox.booted;
    const kill = setInterval(() => {
      if (kernel.tasks.size === 4) kernel.killAll();
    }, 100);
    try {
      const outcome = await sandbox.run(await compileGuest(`${guestFolder}/stress/spin.c`), { timeout: HANG });
      expect(outcome).toMatchObject({ end: 'signal 9', stdout: 'spinning\n' });
    } finally {
      clearInterval(kill);
    }
  });
});
