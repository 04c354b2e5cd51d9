import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GuestMemory } from '../codec/guest-memory.js';
import * as sets from '../generated/flag-sets.js';
import * as abi from '../index.js';
import { enumToString, type FlagSet, flagsToString } from './flags.js';
import { argumentWords, decodeSyscall, resultToString, traceLine } from './syscall.js';
import { quote } from './text.js';

/** A page at 0x1000. */
class Page implements GuestMemory {
  readonly data = new Uint8Array(4096);
  readonly view = new DataView(this.data.buffer);
  #done(addr: number, length: number): number {
    return addr < 0x1000 || addr >= 0x2000 ? 0 : Math.min(length, 0x2000 - addr);
  }
  copyIn(addr: number, dst: Uint8Array, length: number): number {
    const n = this.#done(addr, length);
    dst.set(this.data.subarray(addr - 0x1000, addr - 0x1000 + n));
    return n;
  }
  copyOut(): number {
    return 0;
  }
  /** Puts bytes at an offset and returns their address. */
  put(offset: number, text: string): number {
    this.data.set(Buffer.from(text, 'latin1'), offset);
    return 0x1000 + offset;
  }
}

describe('flagsToString', () => {
  it('names bits, combinations before their parts, fields, and what is left', () => {
    const open = sets.openFlags('amd64');
    expect(flagsToString(open, abi.O_RDONLY)).toBe('O_RDONLY');
    expect(flagsToString(open, abi.O_WRONLY | abi.O_CREAT | abi.O_TRUNC | abi.O_CLOEXEC)).toBe('O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC');
    expect(flagsToString(open, abi.O_RDWR | abi.O_SYNC)).toBe('O_RDWR|O_SYNC');
    expect(flagsToString(open, abi.O_RDWR | abi.O_DSYNC)).toBe('O_RDWR|O_DSYNC');
    expect(flagsToString(open, abi.amd64.O_TMPFILE | abi.O_RDWR)).toBe('O_RDWR|O_TMPFILE');
    expect(flagsToString(open, 0x80000000)).toBe('O_RDONLY|0x80000000');
    expect(flagsToString(open, 3)).toBe('0x3');
  });
  it('knows that O_DIRECTORY differs between architectures', () => {
    expect(flagsToString(sets.openFlags('amd64'), 0o200000)).toBe('O_RDONLY|O_DIRECTORY');
    expect(flagsToString(sets.openFlags('arm64'), 0o200000)).toBe('O_RDONLY|O_DIRECT');
  });
  it('names no bit at all', () => {
    expect(flagsToString(sets.protFlags(), 0)).toBe('PROT_NONE');
    expect(flagsToString(sets.waitFlags(), 0)).toBe('0');
    expect(flagsToString(sets.accessModes(), 0)).toBe('F_OK');
  });
  it('handles bits above 31', () => {
    expect(flagsToString(sets.cloneFlags(), abi.CLONE_VM + abi.CLONE_CLEAR_SIGHAND)).toBe('CLONE_VM|CLONE_CLEAR_SIGHAND');
    expect(flagsToString(sets.cloneFlags(), 2 ** 40)).toBe('0x10000000000');
    expect(flagsToString(sets.saFlags(), -0x80000000)).toBe('SA_RESETHAND');
  });
  it('keeps every bit of any word', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (word) => {
        const all: FlagSet[] = [sets.openFlags('amd64'), sets.mapFlags('amd64'), sets.cloneFlags(), sets.msgFlags()];
        for (const set of all) {
          const table: Record<string, number> = { ...set.bits };
          for (const field of set.fields ?? []) Object.assign(table, field.values);
          const sum = flagsToString(set, word)
            .split('|')
            .reduce((all, name) => (all | (table[name] ?? Number(name))) >>> 0, 0);
          expect(sum).toBe(word);
        }
      }),
    );
  });
});

describe('the tables', () => {
  it('have one name for each value', () => {
    for (const [key, build] of Object.entries(sets)) {
      const value = (build as (arch: abi.Arch) => FlagSet | Record<string, number>)('amd64');
      const numbers = Object.values((value as FlagSet).bits ?? value);
      expect([key, numbers.length]).toEqual([key, new Set(numbers).size]);
      expect(numbers.length).toBeGreaterThan(0);
    }
  });
});

describe('names', () => {
  it('of signals', () => {
    expect([1, 9, 17, 31, 32, 33, 64].map(abi.signalName)).toEqual([
      'SIGHUP',
      'SIGKILL',
      'SIGCHLD',
      'SIGSYS',
      'SIGRTMIN',
      'SIGRT_1',
      'SIGRT_32',
    ]);
    expect([0, 65, -1].map(abi.signalName)).toEqual([undefined, undefined, undefined]);
    for (let n = 1; n <= 64; n++) expect(abi.signalNumber(abi.signalName(n)!)).toBe(n);
    expect(['RT_32', 'SIGRT_33', 'SIGRT_0', 'SIGRT_01'].map(abi.signalNumber)).toEqual([64, undefined, undefined, undefined]);
    expect(['kill', 'SIGterm', '15', 'SIGCLD', 'SIGSTKSZ', '65', 'RTMIN', '', 'x'].map(abi.signalNumber)).toEqual([
      9,
      15,
      15,
      undefined,
      undefined,
      undefined,
      32,
      undefined,
      undefined,
    ]);
  });
  it('of errors', () => {
    expect([2, -2, 11, 512].map(abi.errnoName)).toEqual(['ENOENT', 'ENOENT', 'EAGAIN', 'ERESTARTSYS']);
    expect(abi.errnoName(0)).toBeUndefined();
    expect(abi.errnoMessage(-13)).toBe('Permission denied');
  });
  it('of enumerations', () => {
    expect(enumToString(sets.whences(), 2)).toBe('SEEK_END');
    expect(enumToString(sets.whences(), 77)).toBe('77');
    expect(enumToString(sets.futexOps(), 9)).toBe('FUTEX_WAIT_BITSET');
    expect(enumToString(sets.prctlOptions(), abi.PR_SET_NAME)).toBe('PR_SET_NAME');
    expect(enumToString(sets.prctlOptions(), abi.PR_CAPBSET_DROP)).toBe('PR_CAPBSET_DROP');
    expect(enumToString(sets.ioctlRequests(), abi.TCGETS)).toBe('TCGETS');
    expect(enumToString(sets.ioctlRequests(), abi.KCOV_ENABLE)).toBe('KCOV_ENABLE');
  });
});

describe('quote', () => {
  it('escapes as C does', () => {
    expect(quote(Buffer.from('a"b\\\n\0\x011\x7f'))).toBe('"a\\"b\\\\\\n\\0\\0011\\177"');
  });
});

describe('decodeSyscall', () => {
  const page = new Page();
  const decode = (name: abi.SyscallName, ...args: number[]): string =>
    decodeSyscall('amd64', name, argumentWords(...args), { memory: page });

  it('prints paths, flags and modes', () => {
    const name = page.put(0, '/etc/passwd\0');
    expect(decode('openat', abi.AT_FDCWD, name, abi.O_CLOEXEC)).toBe('openat(AT_FDCWD, "/etc/passwd", O_RDONLY|O_CLOEXEC)');
    expect(decode('open', name, abi.O_CREAT | abi.O_WRONLY, 0o644)).toBe('open("/etc/passwd", O_WRONLY|O_CREAT, 0644)');
    expect(decode('access', name, abi.R_OK | abi.X_OK)).toBe('access("/etc/passwd", R_OK|X_OK)');
    expect(decode('open', 0x5000, 0)).toBe('open(0x5000, O_RDONLY)');
    expect(decode('open', 0, 0)).toBe('open(NULL, O_RDONLY)');
  });

  it('reads a string that ends where memory does', () => {
    expect(decode('chdir', page.put(4090, '/tmp/x'))).toBe('chdir("/tmp/x")');
  });

  it('prints what the kernel wrote only after success', () => {
    const buffer = page.put(100, 'hello world');
    expect(decode('read', 3, buffer, 11)).toBe('read(3, 0x1064, 11)');
    expect(traceLine('amd64', 'read', argumentWords(3, buffer, 11), 5, page)).toBe('read(3, "hello", 11) = 5');
    expect(traceLine('amd64', 'read', argumentWords(3, buffer, 11), -abi.EBADF, page)).toBe(
      'read(3, 0x1064, 11) = -1 EBADF (Bad file descriptor)',
    );
    expect(decode('write', 1, page.put(200, 'x'.repeat(40)), 40)).toBe(`write(1, "${'x'.repeat(32)}"..., 40)`);
  });

  it('prints mappings', () => {
    expect(decode('mmap', 0, 8192, abi.PROT_READ | abi.PROT_WRITE, abi.MAP_PRIVATE | abi.MAP_ANONYMOUS, -1, 0)).toBe(
      'mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)',
    );
    expect(traceLine('amd64', 'mmap', argumentWords(0, 1, 0, 1, 3, 0), 0x7f0000000000)).toBe(
      'mmap(NULL, 1, PROT_NONE, MAP_SHARED, 3, 0) = 0x7f0000000000',
    );
  });

  it('prints structs', () => {
    abi.amd64.Stat.write(page.view, 0x300, { ...abi.amd64.Stat.create(), st_mode: 0o100644, st_size: 3000 });
    expect(traceLine('amd64', 'fstat', argumentWords(3, 0x1300), 0, page)).toBe('fstat(3, {st_mode=S_IFREG|0644, st_size=3000, ...}) = 0');
    abi.Timespec.write(page.view, 0x400, { tv_sec: 1, tv_nsec: 5 });
    expect(decode('nanosleep', 0x1400, 0)).toBe('nanosleep({tv_sec=1, tv_nsec=5}, NULL)');
    abi.Sigaction.write(page.view, 0x500, {
      sa_handler: 0x401000,
      sa_flags: abi.SA_RESTART + abi.SA_RESTORER,
      sa_restorer: 0x402000,
      sa_mask: { lo: 2, hi: 0 },
    });
    expect(decode('rt_sigaction', abi.SIGINT, 0x1500, 0, 8)).toBe(
      'rt_sigaction(SIGINT, {sa_handler=0x401000, sa_flags=SA_RESTORER|SA_RESTART, sa_restorer=0x402000, sa_mask=[INT]}, NULL, 8)',
    );
    abi.Pollfd.write(page.view, 0x600, { fd: 0, events: abi.POLLIN, revents: abi.POLLIN });
    expect(traceLine('amd64', 'poll', argumentWords(0x1600, 1, -1), 1, page)).toBe(
      'poll([{fd=0, events=POLLIN, revents=POLLIN}], 1, -1) = 1',
    );
    abi.amd64.EpollEvent.write(page.view, 0x700, { events: abi.EPOLLIN + abi.EPOLLET, data: { lo: 7, hi: 0 } });
    expect(decode('epoll_ctl', 3, abi.EPOLL_CTL_ADD, 4, 0x1700)).toBe('epoll_ctl(3, EPOLL_CTL_ADD, 4, {events=EPOLLIN|EPOLLET, data=0x7})');
  });

  it('prints processes', () => {
    page.view.setInt32(0x800, abi.exitStatus(3), true);
    expect(traceLine('amd64', 'wait4', argumentWords(-1, 0x1800, abi.WNOHANG, 0), 42, page)).toBe(
      'wait4(-1, [{WIFEXITED(s) && WEXITSTATUS(s) == 3}], WNOHANG, NULL) = 42',
    );
    page.view.setInt32(0x800, abi.killedStatus(abi.SIGSEGV, true), true);
    expect(traceLine('amd64', 'wait4', argumentWords(-1, 0x1800, 0, 0), 42, page)).toContain('WTERMSIG(s) == SIGSEGV && WCOREDUMP(s)');
    expect(decode('clone', abi.CLONE_VM + abi.CLONE_VFORK + abi.SIGCHLD, 0)).toBe(
      'clone(CLONE_VM|CLONE_VFORK|SIGCHLD, NULL, NULL, NULL, 0)',
    );
    expect(decode('clone', abi.SIGCHLD, 0)).toBe('clone(SIGCHLD, NULL, NULL, NULL, 0)');
    abi.array(abi.ptr, 3).write(page.view, 0x900, [page.put(0xa00, 'ls\0'), page.put(0xa10, '-l\0'), 0]);
    expect(decode('execve', page.put(0xa20, '/bin/ls\0'), 0x1900, 0x1910)).toBe('execve("/bin/ls", ["ls", "-l"], 0x1910 /* 0 vars */)');
  });

  it('prints sockets', () => {
    abi.SockaddrIn.write(page.view, 0xb00, { sin_family: abi.AF_INET, sin_port: 80, sin_addr: 0x7f000001 });
    expect(decode('connect', 3, 0x1b00, 16)).toBe(
      'connect(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("127.0.0.1")}, 16)',
    );
    page.put(0xb40, '\x01\0/run/x\0');
    expect(decode('bind', 3, 0x1b40, 9)).toBe('bind(3, {sa_family=AF_UNIX, sun_path="/run/x"}, 9)');
    page.put(0xb40, '\x01\0\0name');
    expect(decode('bind', 3, 0x1b40, 7)).toBe('bind(3, {sa_family=AF_UNIX, sun_path=@"name"}, 7)');
    expect(decode('socket', abi.AF_UNIX, abi.SOCK_STREAM | abi.SOCK_CLOEXEC, 0)).toBe('socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0)');
  });

  it('prints futex, fcntl and ioctl by their command', () => {
    expect(decode('futex', 0x1000, abi.FUTEX_WAKE | abi.FUTEX_PRIVATE_FLAG, 1)).toBe('futex(0x1000, FUTEX_WAKE_PRIVATE, 1)');
    expect(decode('fcntl', 3, abi.F_SETFD, 1)).toBe('fcntl(3, F_SETFD, FD_CLOEXEC)');
    expect(decode('fcntl', 3, abi.F_GETFL)).toBe('fcntl(3, F_GETFL)');
    expect(decode('ioctl', 0, abi.TIOCGWINSZ, 0x1000)).toBe('ioctl(0, TIOCGWINSZ, 0x1000)');
    expect(decode('ioctl', 0, 0x1234, 1)).toBe('ioctl(0, 0x1234, 0x1)');
  });

  it('prints calls that it does not know', () => {
    expect(decodeSyscall('amd64', 999, argumentWords(1, 2))).toBe('syscall_999(0x1, 0x2, NULL, NULL, NULL, NULL)');
    expect(decodeSyscall('arm64', 56, argumentWords(-100, 1, 0))).toBe('openat(AT_FDCWD, 0x1, O_RDONLY)');
    expect(resultToString('read', -512)).toBe('? ERESTARTSYS (To be restarted if SA_RESTART is set)');
  });

  it('survives any arguments of any call', () => {
    const names = [...new Set([...Object.keys(abi.syscallNumbers.amd64), ...Object.keys(abi.syscallNumbers.arm64)])] as abi.SyscallName[];
    const half = fc.oneof(
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      fc.integer({ min: 0x1000, max: 0x2000 }),
      fc.integer({ min: 0, max: 64 }),
    );
    const words = fc.array(fc.oneof({ weight: 3, arbitrary: half }, { weight: 1, arbitrary: fc.constant(0) }), {
      minLength: 12,
      maxLength: 12,
    });
    fc.assert(
      fc.property(
        words,
        fc.uint8Array({ minLength: 4096, maxLength: 4096 }),
        fc.integer({ min: -600, max: 5000 }),
        (args, content, result) => {
          page.data.set(content);
          for (let i = 1; i < 12; i += 2) if (args[i]! > 3) args[i] = 0;
          for (const name of names) {
            for (const arch of ['amd64', 'arm64'] as const) {
              const line = traceLine(arch, name, args, result, page);
              if (!line.startsWith(`${name}(`) || line.length > 40_000) throw new Error(line);
            }
          }
        },
      ),
      { numRuns: 20 },
    );
  });
});
