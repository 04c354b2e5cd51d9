import path from 'node:path';
import { InvalidArgumentError } from 'commander';

/*
 * What flags take, from text. Each function throws commander's InvalidArgumentError with what would have been right.
 */

const UNITS: Readonly<Record<string, number>> = { '': 1, b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** Bytes: `512m`, `1.5g`, `2GiB`, `4096`, as docker's --memory. */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?$/i.exec(text);
  const size = match === null ? Number.NaN : Math.floor(Number(match[1]) * UNITS[match[2].toLowerCase()]);
  if (!(size > 0 && size <= Number.MAX_SAFE_INTEGER)) throw new InvalidArgumentError('It takes a size such as 512m or 2g.');
  return size;
}

const DURATIONS: Readonly<Record<string, number>> = { ms: 1, '': 1000, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds: `10`, `1.5s`, `500ms`, `2m`, as timeout(1). */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d|)$/.exec(text);
  const duration = match === null ? Number.NaN : Number(match[1]) * DURATIONS[match[2]];
  // The most that a timer of Node's can wait.
  if (!(duration > 0 && duration < 2 ** 31)) throw new InvalidArgumentError('It takes a time such as 10s, 500ms or 2m.');
  return duration;
}

/** Whole seconds, 0 to a day. */
export function parseSeconds(text: string): number {
  const seconds = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(seconds <= 86_400)) throw new InvalidArgumentError('It takes a number of seconds, at most 86400.');
  return seconds;
}

/** `NAME=VALUE`, or `NAME` alone: the caller's value, undefined when there is none. */
export function parseVariable(text: string, env: NodeJS.ProcessEnv): [name: string, value: string | undefined] {
  const equals = text.indexOf('=');
  const name = equals < 0 ? text : text.slice(0, equals);
  if (name === '') throw new InvalidArgumentError('It takes NAME=VALUE, or NAME to pass a variable on.');
  return equals < 0 ? [name, env[name]] : [name, text.slice(equals + 1)];
}

/** A mount as the command line has it: `source` may be relative, `target` is absolute. */
export type Mount =
  | { type: 'host'; source: string; target: string; mode: 'rw' | 'ro' | 'overlay' }
  | { type: 'tmpfs'; target: string; size: number | null };

const MODES = ['rw', 'ro', 'overlay'] as const;

/** `HOST:GUEST[:ro|:overlay]`, or docker's `type=bind,source=…,target=…[,readonly]`. */
export function parseMount(text: string): Mount {
  if (/^[a-z]+=/.test(text) && !text.includes(':')) return parseMountFields(text);
  const words = text.split(':');
  const last = words.length > 2 ? words.pop()! : 'rw';
  const mode = MODES.find((name) => name === last);
  if (words.length !== 2 || words[0] === '' || mode === undefined) {
    throw new InvalidArgumentError('It takes HOST:GUEST, HOST:GUEST:ro or HOST:GUEST:overlay.');
  }
  return hostMount(words[0], words[1], mode);
}

function hostMount(source: string, target: string, mode: 'rw' | 'ro' | 'overlay'): Mount {
  return { type: 'host', source, target: guestPath(target), mode };
}

function guestPath(target: string): string {
  if (!path.posix.isAbsolute(target)) throw new InvalidArgumentError(`The path inside, '${target}', has to be absolute.`);
  const normal = path.posix.normalize(target);
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
}

function parseMountFields(text: string): Mount {
  const fields = new Map(
    text.split(',').map((field) => {
      const equals = field.indexOf('=');
      return equals < 0 ? [field, 'true'] : [field.slice(0, equals), field.slice(equals + 1)];
    }),
  );
  const take = (...names: string[]): string | undefined => {
    const found = names.filter((name) => fields.has(name)).map((name) => [name, fields.get(name)!] as const);
    for (const [name] of found) fields.delete(name);
    return found[0]?.[1];
  };
  const type = take('type') ?? 'bind';
  const source = take('source', 'src');
  const target = take('target', 'destination', 'dst');
  const readOnly = take('readonly', 'ro') === 'true';
  const overlay = take('overlay') === 'true';
  const size = take('tmpfs-size', 'size');
  if (fields.size > 0) throw new InvalidArgumentError(`There is no '${[...fields.keys()][0]}' in a mount.`);
  if (target === undefined) throw new InvalidArgumentError('It takes target=PATH.');
  if (type === 'tmpfs') return { type: 'tmpfs', target: guestPath(target), size: size === undefined ? null : parseSize(size) };
  if (type !== 'bind') throw new InvalidArgumentError(`The types of mounts are bind and tmpfs, not '${type}'.`);
  if (source === undefined) throw new InvalidArgumentError('It takes source=PATH.');
  return hostMount(source, target, overlay ? 'overlay' : readOnly ? 'ro' : 'rw');
}

/** `UID[:GID]`, numbers or names. */
export function parseUser(text: string): { user: string; group: string | undefined } {
  const [user, group, more] = text.split(':');
  if (user === '' || group === '' || more !== undefined) throw new InvalidArgumentError('It takes UID, UID:GID or names.');
  return { user, group };
}
