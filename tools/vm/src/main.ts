import { environment, parseCommandLine, positive } from './arguments.js';
import { VmError } from './errors.js';
import { defaultEnv, runInVm, vmUnavailable } from './run.js';

const usage = `Usage: pnpm vm [options] -- COMMAND [ARGUMENT…]

Runs a command in a virtual machine (QEMU, emulated, with a true KVM) whose root is this machine's file tree, read-only,
with memory on top. The exit status is the command's; 124 after a timeout; 125 if the VM could not run it.

  --timeout SECONDS      stop the VM after that time (default 600)
  --memory MIB           (default 3072)
  --cpus N               (default 2)
  --cwd FOLDER           (default: the current one)
  -e, --env NAME[=VALUE] set a variable, or pass this shell's on; may be repeated
  -w, --writable FOLDER  let the command change this folder of the host; may be repeated
  -i, --stdin            pass standard input on
  -t, --terminal         a terminal instead of pipes
  --console              show the messages of the guest's kernel on stderr
  --check                only say why the VM can't run here, if so
  --refresh              fetch the newest kernel first

Examples:
  pnpm vm -- ls -l /dev/kvm
  pnpm vm -t -- bash
  pnpm vm --timeout 300 -e CI -- npx vitest run --project @sbx/kvm-platform
`;

async function main(): Promise<number> {
  const { values, command } = parseCommandLine(process.argv.slice(2));
  if (values.check) {
    const reason = vmUnavailable();
    if (reason) process.stderr.write(`${reason}\n`);
    return reason ? 125 : 0;
  }
  if (values.help || command.length === 0) {
    (values.help ? process.stdout : process.stderr).write(usage);
    return values.help ? 0 : 125;
  }
  const { stdin, stdout } = process;
  const terminal = values.terminal ? ([stdout.rows ?? 24, stdout.columns ?? 80] as const) : undefined;
  const stopped = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stopped.abort());
  if (terminal && stdin.isTTY) stdin.setRawMode(true);
  try {
    return await runInVm({
      command,
      cwd: values.cwd,
      env: { ...defaultEnv, ...(terminal ? { TERM: process.env.TERM ?? 'linux' } : {}), ...environment(values.env ?? [], process.env) },
      timeout: positive('timeout', values.timeout),
      memoryMiB: positive('memory', values.memory),
      cpus: positive('cpus', values.cpus),
      writable: values.writable,
      stdin: values.stdin || terminal ? stdin : undefined,
      stdout,
      stderr: process.stderr,
      console: values.console ? process.stderr : undefined,
      terminal,
      refresh: values.refresh,
      signal: stopped.signal,
    });
  } finally {
    if (terminal && stdin.isTTY) stdin.setRawMode(false);
  }
}

main().then(
  (status) => process.exit(status),
  (error) => {
    process.stderr.write(`vm: ${error instanceof Error ? error.message : error}\n`);
    process.exit(error instanceof VmError && error.code === 'TIMEOUT' ? 124 : 125);
  },
);
