import { readFileSync } from 'node:fs';
import { SentryError } from '../sentry/sentry-error.js';
import type { UserConfig } from './config.js';

const MAX_ID = 2 ** 32 - 2;

/**
 * A user by number or name, and a group by number or name; the databases are those in `root`/etc. Without a group it is the user's own, or for a number that the
 * database does not know, 0, as docker does it.
 */
export function resolveUser(user: string, group: string | undefined, root: string): UserConfig {
  const entry = isNumber(user)
    ? findLine(root, 'passwd', (fields) => fields[2] === user)
    : findLine(root, 'passwd', (fields) => fields[0] === user);
  if (entry === undefined && !isNumber(user))
    throw new SentryError('ERR_SBX_USER', `there is no user '${user}' in ${root === '/' ? '' : root}/etc/passwd`);
  const uid = toId(entry?.[2] ?? user);
  if (group === undefined) return { uid, gid: toId(entry?.[3] ?? '0'), groups: entry === undefined ? [] : groupsOf(root, entry[0]) };
  const gid = isNumber(group) ? group : findLine(root, 'group', (fields) => fields[0] === group)?.[2];
  if (gid === undefined) throw new SentryError('ERR_SBX_USER', `there is no group '${group}' in ${root === '/' ? '' : root}/etc/group`);
  return { uid, gid: toId(gid), groups: [] };
}

function isNumber(text: string): boolean {
  return /^\d+$/.test(text);
}

function toId(text: string): number {
  const id = Number(text);
  if (!(id <= MAX_ID)) throw new SentryError('ERR_SBX_USER', `${text} is not a user or group id`);
  return id;
}

function lines(root: string, name: string): string[][] {
  try {
    const text = readFileSync(`${root === '/' ? '' : root}/etc/${name}`, 'utf8');
    return text.split('\n').map((line) => line.split(':'));
  } catch {
    return [];
  }
}

function findLine(root: string, name: string, test: (fields: string[]) => boolean): string[] | undefined {
  return lines(root, name).find((fields) => fields.length > 3 - Number(name === 'group') && test(fields));
}

function groupsOf(root: string, user: string): number[] {
  return lines(root, 'group')
    .filter((fields) => fields[3]?.split(',').includes(user))
    .map((fields) => Number(fields[2]))
    .filter((gid) => gid <= MAX_ID);
}
