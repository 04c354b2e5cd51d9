import { chmodSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { afterEach, expect, it } from 'vitest';
import { isAlive, processes, sentryOf, until } from '../../../apps/sandbox/test/support/processes.js';
import { scratch } from '../../../apps/sandbox/test/support/scratch.js';
import { describePrograms } from './programs/support/describe.js';
import { runInSandbox, sbx } from './programs/support/run.js';
import { Terminal, type TerminalOptions } from './support/terminal.js';

const folder = scratch('terminal');
const opened: Terminal[] = [];
afterEach(() => {
  for (const terminal of opened.splice(0)) terminal.close();
});

function open(command: readonly string[], options: TerminalOptions = {}): Terminal {
  const terminal = new Terminal(command, { cwd: folder, ...options });
  opened.push(terminal);
  return terminal;
}
const bash = ['bash', '--norc', '--noediting'];
const prompt = { env: { PS1: '>> ' } };
const inTerminal = (...command: string[]) => [sbx, 'run', '-it', '-e', 'PS1', '--', ...command];

describePrograms('sbx run -it', { programs: ['python3', 'bash'] }, () => {
  it('is a terminal with job control', async () => {
    const terminal = open(inTerminal(...bash), { ...prompt, rows: 33, columns: 99 });
    await terminal.expect('>> ');
    terminal.type('tty; stty size; ps -o tty= -p $$\r');
    expect(await terminal.expect('>> ')).toContain('\r\n/dev/pts/0\r\n33 99\r\npts/0');
    // What is typed as signals has to wait until the shell has given the terminal away: the job says when it goes on.
    terminal.type(`sh -c "trap 'echo on''ward' CONT; echo go""es; while :; do sleep 0.1; done"\r`);
    await terminal.expect('goes\r\n');
    terminal.type('\x1a');
    await terminal.expect('Stopped');
    await terminal.expect('>> ');
    terminal.type('jobs; fg\r');
    await terminal.expect(/Stopped .*\r\nsh -c .*\r\n/);
    await terminal.expect('onward\r\n');
    terminal.type('\x03');
    await terminal.expect('^C');
    await terminal.expect('>> ');
    terminal.type('echo status $?; sleep 1000 & kill %1; wait %1; echo $?\r');
    await terminal.expect('status 130\r\n');
    await terminal.expect('143\r\n');
    terminal.type('trap "echo caught; stop=1" INT; echo loop""ing; while [ -z "$stop" ]; do :; done\r');
    await terminal.expect('looping\r\n');
    terminal.type('\x03');
    await terminal.expect('caught\r\n');
    await terminal.expect('>> ');
    terminal.type('exit 5\r');
    expect(await terminal.exit()).toBe(5);
  });

  it('learns of a new window size', async () => {
    const terminal = open(inTerminal(...bash), prompt);
    await terminal.expect('>> ');
    terminal.type('trap "echo now \\$(stty size)" WINCH; echo re""ady\r');
    await terminal.expect('ready');
    terminal.resize(40, 120);
    await until(() => {
      // The shell runs its trap when it has read a line.
      terminal.type('\r');
      return terminal.output.includes('now 40 120');
    });
    terminal.type('exit\r');
    expect(await terminal.exit()).toBe(0);
  });

  it('passes every key on, and every byte of output', async () => {
    const script = 'stty raw -echo; echo ready; head -c 256 | od -An -v -tu1 | tr -d "\\n "; stty sane; seq 1 20000';
    const terminal = open(inTerminal('sh', '-c', script));
    await terminal.expect('ready');
    const codes = [...Array(128).keys()];
    terminal.type(String.fromCharCode(...codes, ...codes));
    await terminal.expect([...codes, ...codes].join(''));
    const numbers = await terminal.expect('\n20000\r\n');
    expect(numbers.split('\r\n').length).toBeGreaterThanOrEqual(20000);
    expect(await terminal.exit()).toBe(0);
  });

  it('leaves the terminal as it was: at the end, when the sentry is killed, when sbx is stopped', async () => {
    const terminal = open(inTerminal('sh', '-c', 'echo ready; read line; exit 3'));
    const before = await terminal.modes();
    await terminal.expect('ready');
    expect(await terminal.modes()).not.toEqual(before);
    terminal.type('\r');
    expect(await terminal.exit()).toBe(3);
    expect(await terminal.modes()).toEqual(before);

    const killed = open(inTerminal('sh', '-c', 'echo ready; sleep 1000'));
    await killed.expect('ready');
    const launcher = await killed.pid();
    const sentry = await sentryOf(launcher);
    process.kill(sentry, 'SIGKILL');
    expect(await killed.exit()).toBe(125);
    await killed.expect("the sandbox's kernel was killed by signal 9");
    expect(await killed.modes()).toEqual(before);

    const stopped = open(inTerminal('sh', '-c', 'echo ready; sleep 1000'));
    await stopped.expect('ready');
    const stoppedLauncher = await stopped.pid();
    const state = () => processes().find(({ pid }) => pid === stoppedLauncher)?.state;
    process.kill(stoppedLauncher, 'SIGTSTP');
    await until(() => state() === 'T');
    expect(await stopped.modes()).toEqual(before);
    process.kill(stoppedLauncher, 'SIGCONT');
    await until(() => state() !== 'T');
    await until(async () => JSON.stringify(await stopped.modes()) !== JSON.stringify(before));
    process.kill(stoppedLauncher, 'SIGTERM');
    expect(await stopped.exit()).toBe(143);
    expect(await stopped.modes()).toEqual(before);
  });

  it('reads keys from a pipe where there is no terminal, and ends with it', async () => {
    const { status, stdout } = await runInSandbox(['-it'], ['sh'], { cwd: folder, input: 'stty -echo; tty\nexit 4\n' });
    expect(stdout.toString()).toContain('/dev/pts/0\r\n');
    expect(status).toBe(4);
    const ended = await runInSandbox(['-t'], ['cat'], { cwd: folder, input: 'line\n' });
    expect(ended.stdout.toString()).toBe('line\r\nline\r\n');
    expect(ended.status).toBe(0);
  });
});

describePrograms('sbx run on a terminal, without -t', { programs: ['python3', 'bash', 'gcc'] }, () => {
  it('shows it to the program, which can read its modes and size and nothing more', async () => {
    const script =
      'import termios, os, fcntl, sys\nprint("tty", os.isatty(0), os.get_terminal_size(0))\nmodes = termios.tcgetattr(0)\ntry: termios.tcsetattr(0, termios.TCSANOW, modes); print("set")\nexcept termios.error as error: print("not set", error.args[0])\ntry: fcntl.ioctl(0, termios.TIOCSTI, b"x"); print("pushed")\nexcept OSError as error: print("not pushed", error.errno)';
    const terminal = open([sbx, 'run', '--', 'python3', '-c', script], { rows: 20, columns: 70 });
    await terminal.expect('tty True os.terminal_size(columns=70, lines=20)');
    await terminal.expect('not set 5');
    await terminal.expect('not pushed 1');
    expect(await terminal.exit()).toBe(0);
  });

  it('puts nothing into the input of a caller that reads on (TIOCSTI)', async () => {
    writeFileSync(`${folder}/push.c`, PUSH);
    const { status } = await runInSandbox([], ['true'], { cwd: folder });
    expect(status).toBe(0);
    const compiled = open(['gcc', '-static', '-o', `${folder}/push`, `${folder}/push.c`]);
    expect(await compiled.exit()).toBe(0);
    chmodSync(`${folder}/push`, 0o755);
    for (const flags of ['', '-it']) {
      const terminal = open([...bash, '-i'], prompt);
      await terminal.expect('>> ');
      terminal.type(`${sbx} run ${flags} -- ./push; echo "sta""tus $?"\r`);
      await terminal.expect('status ');
      await terminal.expect('>> ');
      terminal.type('echo "qui""et"\r');
      await terminal.expect('quiet');
      expect(terminal.output).not.toContain('PWNED');
      terminal.type('exit\r');
      await terminal.exit();
    }
  });

  it('is interrupted by Ctrl-C, and killed by a second one', async () => {
    const polite = open([sbx, 'run', '--', 'sh', '-c', 'trap "echo caught; exit 9" INT; echo ready; while :; do sleep 0.1; done']);
    await polite.expect('ready');
    polite.type('\x03');
    await polite.expect('caught');
    expect(await polite.exit()).toBe(9);

    const stubborn = open([sbx, 'run', '--', 'sh', '-c', 'trap "echo never" INT; echo ready; while :; do sleep 0.1; done']);
    await stubborn.expect('ready');
    stubborn.type('\x03');
    await stubborn.expect('never');
    stubborn.type('\x03');
    expect(await stubborn.exit()).toBe(130);
  });

  it('is a job of the shell: Ctrl-Z stops all of it, fg goes on', async () => {
    // Another project runs the same test at the same time: the word tells the processes of this one.
    const tick = `tick${process.pid}`;
    const terminal = open([...bash, '-i'], prompt);
    await terminal.expect('>> ');
    terminal.type(`${sbx} run -- sh -c 'echo ready; i=0; while [ $i -lt 1000 ]; do i=$((i+1)); sleep 0.05; echo ${tick}; done'\r`);
    await terminal.expect('ready\r\n');
    await terminal.expect(`\n${tick}\r\n`);
    terminal.type('\x1a');
    await terminal.expect('Stopped');
    await terminal.expect('>> ');
    const length = terminal.output.length;
    terminal.type('sleep 0.5; echo wai""ted\r');
    await terminal.expect('waited');
    expect(terminal.output.slice(length)).not.toContain(`\n${tick}`);
    terminal.type('fg\r');
    await terminal.expect(`\n${tick}\r\n`);
    terminal.type('\x03');
    await terminal.expect('>> ');
    terminal.type('exit\r');
    await terminal.exit();
    expect(processes().filter(({ command, pid }) => command.includes(`echo ${tick}`) && isAlive(pid))).toEqual([]);
  });
});

/** Tries every way of typing for the caller. */
const PUSH = `
#include <sys/ioctl.h>
#include <stdio.h>
#include <string.h>
#include <fcntl.h>
#include <unistd.h>
#include <errno.h>
int main(void) {
  const char *text = "echo PW\\"\\"NED\\r";
  int fds[6] = {0, 1, 2, open("/dev/tty", O_RDWR), open("/dev/stdin", O_RDWR), open("/proc/self/fd/2", O_RDWR)};
  for (int i = 0; i < 6; i++)
    for (size_t j = 0; j < strlen(text); j++) ioctl(fds[i], TIOCSTI, text + j);
  char subcode[2] = {2, 0};
  for (int i = 0; i < 6; i++) ioctl(fds[i], TIOCLINUX, subcode);
  return 0;
}
`;
