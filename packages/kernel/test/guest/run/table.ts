import { allGuestPrograms, type GuestProgram } from './programs.js';

/** Functions of the C library whose system call has another name. */
const LIBRARY_CALLS: Readonly<Record<string, readonly string[]>> = {
  accept: ['accept', 'accept4'],
  alarm: ['alarm', 'setitimer'],
  clock_getcpuclockid: ['clock_getres'],
  creat: ['creat', 'openat'],
  dup2: ['dup2', 'dup3'],
  epoll_create: ['epoll_create', 'epoll_create1'],
  epoll_wait: ['epoll_wait', 'epoll_pwait'],
  eventfd: ['eventfd2'],
  execl: ['execve'],
  execv: ['execve'],
  execvp: ['execve'],
  fexecve: ['execveat'],
  fork: ['fork', 'clone'],
  fstat: ['fstat', 'newfstatat'],
  getdents: ['getdents64'],
  getrlimit: ['getrlimit', 'prlimit64'],
  lstat: ['lstat', 'newfstatat'],
  mknod: ['mknod', 'mknodat'],
  nanosleep: ['nanosleep', 'clock_nanosleep'],
  nice: ['setpriority', 'getpriority'],
  open: ['open', 'openat'],
  pipe: ['pipe', 'pipe2'],
  posix_fadvise: ['fadvise64'],
  posix_fallocate: ['fallocate'],
  pread: ['pread64'],
  prlimit: ['prlimit64'],
  pselect: ['pselect6'],
  pthread_create: ['clone3', 'clone'],
  pthread_kill: ['tgkill'],
  pthread_sigmask: ['rt_sigprocmask'],
  pwrite: ['pwrite64'],
  raise: ['tgkill'],
  readdir: ['getdents64'],
  recv: ['recvfrom'],
  sched_get_priority_max: ['sched_get_priority_max'],
  select: ['select', 'pselect6'],
  send: ['sendto'],
  setgroups: ['setgroups'],
  setrlimit: ['setrlimit', 'prlimit64'],
  sigaction: ['rt_sigaction'],
  signal: ['rt_sigaction'],
  signalfd: ['signalfd4'],
  sigpending: ['rt_sigpending'],
  sigprocmask: ['rt_sigprocmask'],
  sigqueue: ['rt_sigqueueinfo'],
  sigsuspend: ['rt_sigsuspend'],
  sigtimedwait: ['rt_sigtimedwait'],
  sigwait: ['rt_sigtimedwait'],
  sigwaitinfo: ['rt_sigtimedwait'],
  sleep: ['clock_nanosleep'],
  stat: ['stat', 'newfstatat'],
  usleep: ['clock_nanosleep'],
  utimes: ['utimes'],
  wait: ['wait4'],
  waitpid: ['wait4'],
};

/** The system calls that a function may stand for: its own name if nothing else is known. */
export function systemCallsOf(name: string): readonly string[] {
  return LIBRARY_CALLS[name] ?? [name];
}

/** A case: a named part of a program. */
export interface GuestCase {
  readonly name: string;
  /** Words of its source. */
  readonly words: ReadonlySet<string>;
}

/** Statements that name a case: everything up to and with one (or, for CASE, up to the next one) belongs to it. */
const OPENING = /^\s*CASE\("([^"]+)"\)/;
const NAMING = /\b(?:say|result|result_ptr|touch|IN_CHILD)\(\s*"([^"]+)"/;

/** The cases of a program in the order of the source. Which part of the source belongs to a case is told by its lines. */
export function guestCases(program: GuestProgram): GuestCase[] {
  const cases = new Map<string, Set<string>>();
  let open: string | null = null;
  let pending: string[] = [];
  const give = (name: string, words: readonly string[]): void => {
    const all = cases.get(name) ?? new Set();
    cases.set(name, all);
    for (const word of words) all.add(word);
  };
  for (const line of program.source.split('\n')) {
    if (line.startsWith('//') || line.startsWith('#')) continue;
    const words = line.replace(/"[^"]*"/g, '').match(/\w+/g) ?? [];
    const opening = OPENING.exec(line);
    const naming = NAMING.exec(line);
    if (line.startsWith('}')) open = null;
    if (opening !== null) {
      open = opening[1];
      pending = [];
    }
    if (open !== null) give(open, words);
    else if (naming !== null) {
      give(naming[1], [...pending, ...words]);
      pending = [];
    } else pending.push(...words);
  }
  return [...cases].map(([name, words]) => ({ name, words }));
}

/** Whether a case's source has a call, by the call's name, SYS_name, or a library function that makes it. */
function mentions(words: ReadonlySet<string>, call: string): boolean {
  if (words.has(call) || words.has(`SYS_${call}`)) return true;
  for (const word of words) if (Object.hasOwn(LIBRARY_CALLS, word) && LIBRARY_CALLS[word].includes(call)) return true;
  return false;
}

/** What the programs say about one system call. */
export interface CallCoverage {
  readonly call: string;
  /** `program: case, case`. */
  readonly programs: { readonly program: GuestProgram; readonly cases: readonly string[] }[];
  readonly errors: ReadonlySet<string>;
}

/** Coverage of every call that some program covers, by name. */
export function guestCoverage(programs: readonly GuestProgram[] = allGuestPrograms()): CallCoverage[] {
  const calls = new Map<string, { programs: { program: GuestProgram; cases: string[] }[]; errors: Set<string> }>();
  for (const program of programs) {
    const cases = guestCases(program);
    for (const [call, errors] of program.covers) {
      let entry = calls.get(call);
      if (entry === undefined) calls.set(call, (entry = { programs: [], errors: new Set() }));
      entry.programs.push({ program, cases: cases.filter(({ words }) => mentions(words, call)).map(({ name }) => name) });
      for (const error of errors) entry.errors.add(error);
    }
  }
  return [...calls].map(([call, entry]) => ({ call, ...entry })).sort((a, b) => (a.call < b.call ? -1 : 1));
}

const NO_ERRORS = 'no errors by its man page';
const NO_RETURN = 'does not return, and takes anything';
/** Calls without an error path, and why there is none. */
export const CANNOT_FAIL: Readonly<Record<string, string>> = {
  alarm: NO_ERRORS,
  brk: 'gives the present end where it can do nothing',
  exit: NO_RETURN,
  exit_group: NO_RETURN,
  getegid: NO_ERRORS,
  geteuid: NO_ERRORS,
  getgid: NO_ERRORS,
  getpgrp: NO_ERRORS,
  getpid: NO_ERRORS,
  getppid: NO_ERRORS,
  gettid: NO_ERRORS,
  getuid: NO_ERRORS,
  munlockall: NO_ERRORS,
  pause: 'always EINTR',
  personality: 'no errors on 64-bit machines',
  rt_sigreturn: 'a bad frame is SIGSEGV',
  sched_yield: NO_ERRORS,
  set_tid_address: NO_ERRORS,
  setfsgid: 'gives the former id, whatever happens',
  setfsuid: 'gives the former id, whatever happens',
  sync: NO_ERRORS,
  umask: NO_ERRORS,
};

/** How many cases are named for a program in the table before the rest is a number. */
const NAMED = 6;

/** How many cases the programs have. */
export function countCases(programs: readonly GuestProgram[]): number {
  return programs.reduce((sum, program) => sum + guestCases(program).length, 0);
}

/** docs/guest-tests.md. */
export function documentGuestTests(programs: readonly GuestProgram[] = allGuestPrograms()): string {
  const coverage = guestCoverage(programs);
  const cases = countCases(programs);
  const rows = coverage.map(({ call, programs: list, errors }) => {
    const where = list.map(({ program, cases: names }) => {
      if (names.length === 0) return program.name;
      const rest = names.length > NAMED ? ` and ${names.length - NAMED} more` : '';
      return `${program.name}: ${names.slice(0, NAMED).join(', ').replaceAll('|', '\\|')}${rest}`;
    });
    const failures = errors.size > 0 ? [...errors].sort().join(' ') : (CANNOT_FAIL[call] ?? '');
    return `| ${call} | ${where.join('; ')} | ${failures} |`;
  });
  return `# Guest tests

Generated from the programs in \`packages/kernel/test/guest\` by \`pnpm --filter @sbx/gen gen\`; do not edit.

${cases} cases in ${programs.length} C programs test ${coverage.length} system calls. Each program is run by Linux (this machine's kernel, or 6.1 in the test VM where
the program says so) and in the sandbox; what it prints and how it ends must be equal. That a program makes the calls and
provokes the errors of its row is checked when it runs.

| system call | program: cases | errors provoked |
| --- | --- | --- |
${rows.join('\n')}
`;
}
