/** The kinds of arguments that point to structs. */
import { EpollEvent as EpollEventAmd64, Stat as StatAmd64 } from '../arch/amd64/structs.js';
import { EpollEvent as EpollEventArm64, Stat as StatArm64 } from '../arch/arm64/structs.js';
import type { Codec, Shape } from '../codec/codec.js';
import * as sets from '../generated/flag-sets.js';
import { signalName } from '../signal-name.js';
import { AF_INET, AF_INET6, AF_NETLINK, AF_UNIX } from '../socket.js';
import { S_IFBLK, S_IFCHR, S_IFMT } from '../stat.js';
import { Flock, Iovec } from '../structs/file.js';
import { Pollfd } from '../structs/poll.js';
import { CloneArgs } from '../structs/process.js';
import { Sigaction } from '../structs/signal.js';
import { Msghdr, SockaddrIn, SockaddrIn6, SockaddrNl } from '../structs/socket.js';
import { WCOREDUMP, WEXITSTATUS, WIFCONTINUED, WIFEXITED, WIFSTOPPED, WSTOPSIG, WTERMSIG } from '../wait-status.js';
import { Call, type Kind, STRING_LIMIT } from './call.js';
import { enumToString, flagsToString } from './flags.js';
import { sigsetText } from './kinds.js';
import { address, quote } from './text.js';

const ELEMENTS = 16;

/** Any value of a codec, member by member. */
function plain(shape: Shape, value: unknown): string {
  switch (shape.kind) {
    case 'pair': {
      const { lo, hi } = value as { lo: number; hi: number };
      return `0x${((BigInt(hi) << 32n) | BigInt(lo)).toString(16)}`;
    }
    case 'bytes':
      return quote(value as Uint8Array, Math.min((value as Uint8Array).length, STRING_LIMIT), (value as Uint8Array).length > STRING_LIMIT);
    case 'string':
      return quote(Buffer.from(value as string, 'latin1'));
    case 'array':
      return `[${(value as unknown[]).map((v) => plain(shape.element.shape, v)).join(', ')}]`;
    case 'struct':
      return members(shape, value as Record<string, unknown>);
    default:
      return value === 2 ** 64 ? '~0' : String(value);
  }
}

type Special = Readonly<Record<string, (value: never) => string>>;

function members(shape: Shape & { kind: 'struct' }, value: Record<string, unknown>, special: Special = {}): string {
  const parts = shape.members
    .filter((m) => m.codec.shape.kind !== 'pad')
    .map((m) => `${m.name}=${special[m.name]?.(value[m.name] as never) ?? plain(m.codec.shape, value[m.name])}`);
  return `{${parts.join(', ')}}`;
}

/** A struct that the caller passes. */
export const structIn =
  <T>(codec: Codec<T>, special?: Special): Kind =>
  (c, i) =>
    pointed(c, c.u64(i), codec, special) ?? c.hex(i);
/** A struct that the kernel returns. */
export const structOut =
  <T>(codec: Codec<T>, special?: Special): Kind =>
  (c, i) =>
    (c.succeeded ? pointed(c, c.u64(i), codec, special) : undefined) ?? c.hex(i);

function pointed<T>(c: Call, at: number, codec: Codec<T>, special?: Special): string | undefined {
  const value = c.struct(at, codec);
  if (value === undefined) return undefined;
  return codec.shape.kind === 'struct' ? members(codec.shape, value as Record<string, unknown>, special) : plain(codec.shape, value);
}

/** An array of which the length is `count(call)`. */
const list = <T>(codec: Codec<T>, count: (c: Call) => number, show: (value: T, c: Call) => string): Kind => {
  return (c, i) => {
    const n = count(c);
    const at = c.u64(i);
    if (at === 0 || c.memory === undefined) return c.hex(i);
    const out: string[] = [];
    for (let k = 0; k < Math.min(n, ELEMENTS); k++) {
      const value = c.struct(at + k * codec.size, codec);
      if (value === undefined) return out.length > 0 ? `[${out.join(', ')}, ... /* ${address(at + k * codec.size)} */]` : c.hex(i);
      out.push(show(value, c));
    }
    return `[${out.join(', ')}${n > ELEMENTS ? ', ...' : ''}]`;
  };
};

const modeText = (mode: number): string => {
  const type = enumToString(
    { S_IFREG: 0o100000, S_IFDIR: 0o40000, S_IFLNK: 0o120000, S_IFCHR, S_IFBLK, S_IFIFO: 0o10000, S_IFSOCK: 0o140000 },
    mode & S_IFMT,
  );
  return `${type}|0${(mode & 0o7777).toString(8)}`;
};
/** struct stat that the kernel returns: the two members that people look for. */
export const statOut: Kind = (c, i) => {
  const codec = (c.arch === 'arm64' ? StatArm64 : StatAmd64) as typeof StatAmd64;
  const s = c.succeeded ? c.struct(c.u64(i), codec) : undefined;
  if (s === undefined) return c.hex(i);
  const device = (s.st_mode & S_IFMT) === S_IFCHR || (s.st_mode & S_IFMT) === S_IFBLK;
  return `{st_mode=${modeText(s.st_mode)}, ${device ? `st_rdev=0x${s.st_rdev.toString(16)}` : `st_size=${s.st_size}`}, ...}`;
};

/** The buffers of readv and writev; contents only where they are known. */
export const iovecs = (count: number, direction: 'in' | 'out'): Kind => {
  return (c, i) => {
    let left = direction === 'in' ? Number.POSITIVE_INFINITY : c.succeeded ? c.result! : 0;
    return list(
      Iovec,
      (call) => call.i32(count),
      ({ iov_base, iov_len }) => {
        const n = Math.min(iov_len, left);
        left -= n;
        const bytes = n > 0 ? c.bytes(iov_base, Math.min(n, STRING_LIMIT)) : undefined;
        const base = bytes ? quote(bytes, bytes.length, n > STRING_LIMIT) : address(iov_base);
        return `{iov_base=${base}, iov_len=${iov_len}}`;
      },
    )(c, i);
  };
};

/** The descriptors of poll; events that happened are shown with the result. */
export const pollfds: Kind = list(
  Pollfd,
  (c) => c.u32(1),
  ({ fd, events, revents }, c) => {
    const wanted = `fd=${fd}, events=${flagsToString(sets.pollEvents(), events & 0xffff)}`;
    return c.succeeded && revents !== 0 ? `{${wanted}, revents=${flagsToString(sets.pollEvents(), revents & 0xffff)}}` : `{${wanted}}`;
  },
);

const epollEventText = (e: { events: number; data: { lo: number; hi: number } }): string =>
  `{events=${flagsToString(sets.epollEvents(), e.events)}, data=${plain({ kind: 'pair' }, e.data)}}`;
const epollCodec = (c: Call) => (c.arch === 'arm64' ? EpollEventArm64 : EpollEventAmd64) as typeof EpollEventAmd64;
export const epollEventIn: Kind = (c, i) => {
  const event = c.struct(c.u64(i), epollCodec(c));
  return event ? epollEventText(event) : c.hex(i);
};
export const epollEventsOut: Kind = (c, i) => (c.succeeded ? list(epollCodec(c), () => c.result!, epollEventText)(c, i) : c.hex(i));

const dispositions: Readonly<Record<number, string>> = { 0: 'SIG_DFL', 1: 'SIG_IGN' };
const sigactionSpecial: Special = {
  sa_handler: (n: number) => dispositions[n] ?? address(n),
  sa_flags: (n: number) => flagsToString(sets.saFlags(), n),
  sa_restorer: (n: number) => address(n),
  sa_mask: ({ lo, hi }: { lo: number; hi: number }) => sigsetText(new Uint8Array(Uint32Array.of(lo, hi).buffer)),
};
export const sigactionIn = structIn(Sigaction, sigactionSpecial);
export const sigactionOut = structOut(Sigaction, sigactionSpecial);

const flockSpecial: Special = {
  l_type: (n: number) => enumToString(sets.lockTypes(), n),
  l_whence: (n: number) => enumToString(sets.whences(), n),
};
export const flockIn = structIn(Flock, flockSpecial);

export const cloneArgsIn = structIn(CloneArgs, {
  flags: ({ lo, hi }: { lo: number; hi: number }) => flagsToString(sets.cloneFlags(), hi * 2 ** 32 + lo),
  exit_signal: (n: number) => signalName(n) ?? String(n),
});

/** A wait status that the kernel returns. */
export const statusOut: Kind = (c, i) => {
  const bytes = c.succeeded && c.result! > 0 ? c.bytes(c.u64(i), 4) : undefined;
  if (bytes?.length !== 4) return c.hex(i);
  const s = new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true);
  if (WIFEXITED(s)) return `[{WIFEXITED(s) && WEXITSTATUS(s) == ${WEXITSTATUS(s)}}]`;
  if (WIFCONTINUED(s)) return '[{WIFCONTINUED(s)}]';
  if (WIFSTOPPED(s)) return `[{WIFSTOPPED(s) && WSTOPSIG(s) == ${signalName(WSTOPSIG(s)) ?? WSTOPSIG(s)}}]`;
  const dumped = WCOREDUMP(s) ? ' && WCOREDUMP(s)' : '';
  return `[{WIFSIGNALED(s) && WTERMSIG(s) == ${signalName(WTERMSIG(s)) ?? WTERMSIG(s)}${dumped}}]`;
};

function ipv6Text(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i]! << 8) | bytes[2 * i + 1]!).toString(16)).join(':');
  return groups.replace(/(^|:)0(:0)+(:|$)/, '::');
}

/** A socket address of `length` bytes. */
function sockaddrText(bytes: Uint8Array): string {
  if (bytes.length < 2) return quote(bytes);
  const whole = new Uint8Array(128);
  whole.set(bytes.subarray(0, 128));
  const view = new DataView(whole.buffer);
  const family = view.getUint16(0, true);
  switch (family) {
    case AF_UNIX: {
      const name = bytes.subarray(2);
      if (name.length === 0) return '{sa_family=AF_UNIX}';
      if (name[0] === 0) return `{sa_family=AF_UNIX, sun_path=@${quote(name.subarray(1))}}`;
      const end = name.indexOf(0);
      return `{sa_family=AF_UNIX, sun_path=${quote(end < 0 ? name : name.subarray(0, end))}}`;
    }
    case AF_INET: {
      const a = SockaddrIn.read(view, 0, SockaddrIn.create());
      return `{sa_family=AF_INET, sin_port=htons(${a.sin_port}), sin_addr=inet_addr("${whole.subarray(4, 8).join('.')}")}`;
    }
    case AF_INET6: {
      const a = SockaddrIn6.read(view, 0, SockaddrIn6.create());
      return `{sa_family=AF_INET6, sin6_port=htons(${a.sin6_port}), sin6_addr="${ipv6Text(a.sin6_addr)}", sin6_scope_id=${a.sin6_scope_id}}`;
    }
    case AF_NETLINK: {
      const a = SockaddrNl.read(view, 0, SockaddrNl.create());
      return `{sa_family=AF_NETLINK, nl_pid=${a.nl_pid}, nl_groups=0x${a.nl_groups.toString(16)}}`;
    }
    default:
      return `{sa_family=${enumToString(sets.addressFamilies(), family)}, sa_data=${quote(bytes.subarray(2))}}`;
  }
}
/** A socket address that the caller passes; argument `length` is its size. */
export const sockaddrIn =
  (length: number): Kind =>
  (c, i) => {
    const bytes = c.bytes(c.u64(i), Math.min(c.u32(length), 128));
    return bytes ? sockaddrText(bytes) : c.hex(i);
  };
/** A socket address that the kernel returns; argument `length` points to its size. */
export const sockaddrOut =
  (length: number): Kind =>
  (c, i) => {
    const n = c.succeeded ? c.bytes(c.u64(length), 4) : undefined;
    if (n?.length !== 4) return c.hex(i);
    const bytes = c.bytes(c.u64(i), Math.min(new DataView(n.buffer, n.byteOffset).getUint32(0, true), 128));
    return bytes ? sockaddrText(bytes) : c.hex(i);
  };

const msghdr =
  (direction: 'in' | 'out'): Kind =>
  (c, i) => {
    if (direction === 'out' && !c.succeeded) return c.hex(i);
    const h = c.struct(c.u64(i), Msghdr);
    if (h === undefined) return c.hex(i);
    const name = h.msg_name === 0 ? undefined : c.bytes(h.msg_name, Math.min(Math.max(h.msg_namelen, 0), 128));
    const iov = iovecs(1, direction)(new Call(c.arch, pointerAndCount(h.msg_iov, h.msg_iovlen), c.memory, c.result), 0);
    return [
      `{msg_name=${name ? sockaddrText(name) : address(h.msg_name)}`,
      `msg_namelen=${h.msg_namelen}`,
      `msg_iov=${iov}`,
      `msg_iovlen=${h.msg_iovlen}`,
      `msg_controllen=${h.msg_controllen}`,
      `msg_flags=${flagsToString(sets.msgFlags(), h.msg_flags)}}`,
    ].join(', ');
  };
const pointerAndCount = (pointer: number, count: number): Uint32Array =>
  Uint32Array.of(pointer >>> 0, Math.floor(pointer / 2 ** 32), count > 1024 ? 1024 : count, 0);
export const msghdrIn = msghdr('in');
export const msghdrOut = msghdr('out');
