import * as v from 'valibot';
import { isHostname } from '../config/hostname.js';
import { SandboxError } from './errors.js';
import type { RunOptions, SandboxOptions, SpawnOptions, TerminalSize } from './options.js';

/*
 * The shapes of options. Each is checked once, where it enters; messages name the field.
 */

const MiB = 2 ** 20;
/** The most that a timer of Node's can wait. */
const MAX_TIME = 2 ** 31 - 1;
const MAX_ID = 2 ** 32 - 2;

const text = v.pipe(
  v.string('has to be a string'),
  v.check((value) => !value.includes('\0'), 'must not contain a zero character'),
);
const filled = v.pipe(text, v.minLength(1, 'must not be empty'));
const guestPath = v.pipe(filled, v.startsWith('/', 'has to be an absolute path inside'));
const flag = v.boolean('has to be true or false');

function whole(least: number, most: number, what: string) {
  const message = `has to be ${what}`;
  return v.pipe(v.number(message), v.integer(message), v.minValue(least, message), v.maxValue(most, message));
}

const time = whole(1, MAX_TIME, 'a time in milliseconds, 1 or more');
const bytes = whole(1, Number.MAX_SAFE_INTEGER, 'a number of bytes');
const id = whole(0, MAX_ID, 'an id, 0 to 4294967294');
const count = whole(1, 2 ** 31 - 1, 'a whole number, 1 or more');

const name = v.pipe(
  filled,
  v.check((value) => !value.includes('='), "must not contain '='"),
);
const namesAndValues = 'has to be an object of names and values';
const environment = v.pipe(
  // To v.record an array is an object as well.
  v.custom<Record<string, unknown>>((value) => typeof value === 'object' && value !== null && !Array.isArray(value), namesAndValues),
  v.record(name, v.optional(text)),
);
const abortSignal = v.instance(AbortSignal, 'has to be an AbortSignal');

const rootfs = v.variant(
  'type',
  [
    v.strictObject({ type: v.literal('system') }),
    v.strictObject({ type: v.literal('host') }),
    v.strictObject({ type: v.literal('dir'), path: filled, writable: v.optional(flag) }),
  ],
  ({ expected }) =>
    expected === 'Object'
      ? "has to be { type: 'system' }, { type: 'host' } or { type: 'dir', path }"
      : "has to be 'system', 'host' or 'dir' ('tar' and 'oci' are not there in this version)",
);

const mount = v.union(
  [
    v.pipe(
      v.strictObject({ target: guestPath, source: filled, readOnly: v.optional(flag), overlay: v.optional(flag) }),
      v.check(({ readOnly, overlay }) => !(readOnly && overlay), 'is either readOnly or overlay'),
    ),
    v.strictObject({ target: guestPath, type: v.literal('tmpfs'), size: v.optional(bytes) }),
  ],
  "has to be { target, source, readOnly?, overlay? } or { target, type: 'tmpfs', size? } (mounts with fs are not there in this version)",
);

const size = v.strictObject({ columns: whole(1, 65535, '1 to 65535'), rows: whole(1, 65535, '1 to 65535') });

const sandboxOptions = v.strictObject({
  rootfs: v.optional(rootfs),
  workingDirectory: v.optional(v.union([filled, v.literal(false)], 'has to be a path or false')),
  mounts: v.optional(v.array(mount, 'has to be an array')),
  env: v.optional(environment),
  cwd: v.optional(guestPath),
  user: v.optional(v.strictObject({ uid: id, gid: id, groups: v.optional(v.array(id)) })),
  hostname: v.optional(v.pipe(filled, v.check(isHostname, 'may have at most 64 bytes'))),
  network: v.optional(v.literal('none', "can only be 'none' in this version")),
  limits: v.optional(
    v.strictObject({
      memory: v.optional(v.pipe(bytes, v.minValue(16 * MiB, 'has to be at least 16 MiB'))),
      processes: v.optional(count),
      openFiles: v.optional(
        v.pipe(
          v.union([count, v.strictObject({ soft: count, hard: count })], 'has to be a number or { soft, hard }'),
          v.check((value) => typeof value === 'number' || value.soft <= value.hard, 'has a soft limit above the hard one'),
        ),
      ),
      wallTime: v.optional(time),
    }),
  ),
  platform: v.optional(filled),
  isolation: v.optional(v.picklist(['default', 'strict'], "has to be 'default' or 'strict'")),
  strace: v.optional(filled),
  watchdog: v.optional(whole(0, 86_400, 'a number of seconds, 0 to 86400')),
  startTimeout: v.optional(time),
  signal: v.optional(abortSignal),
});

const spawnOptions = v.strictObject({
  cwd: v.optional(guestPath),
  env: v.optional(environment),
  timeout: v.optional(time),
  signal: v.optional(abortSignal),
  tty: v.optional(size),
});

const runOptions = v.strictObject({
  cwd: v.optional(guestPath),
  env: v.optional(environment),
  timeout: v.optional(time),
  signal: v.optional(abortSignal),
  input: v.optional(
    v.custom<NonNullable<RunOptions['input']>>(isInput, 'has to be a string, a Uint8Array, a Readable or an async iterable of those'),
  ),
  maxBuffer: v.optional(bytes),
  encoding: v.optional(v.custom<NonNullable<RunOptions['encoding']>>(isEncoding, "has to be an encoding of Node's, or 'buffer'")),
});

const program = v.tuple([filled, v.array(text, 'has to be an array of strings')]);

function isInput(value: unknown): boolean {
  if (typeof value === 'string' || value instanceof Uint8Array) return true;
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}
function isEncoding(value: unknown): boolean {
  return value === 'buffer' || (typeof value === 'string' && Buffer.isEncoding(value));
}

/** Options that later versions will have: a message that says so, not "unknown". */
const LATER = ['limits.cpus', 'limits.outputBytes', 'onSyscall', 'seed', 'time'];

function check<T>(schema: v.GenericSchema<unknown, T>, value: unknown): T {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  throw new SandboxError('ERR_SBX_OPTION', describe(innermost(result.issues[0])));
}

/** What is wrong, where. */
interface Fault {
  readonly issue: v.BaseIssue<unknown>;
  readonly path: readonly unknown[];
}

/** Of the alternatives of a union the one that the value is meant to be: that which has all of the value's names, or none if there is no such. */
function innermost(issue: v.BaseIssue<unknown>, above: readonly unknown[] = []): Fault {
  const path = [...above, ...(issue.path ?? []).map(({ key }) => key)];
  if (issue.type !== 'union') return { issue, path };
  const meant = (issue.issues ?? []).filter(({ type, path: inner }) => type !== 'strict_object' && inner !== undefined);
  const agreed =
    meant.length > 0 && meant.every(({ message, path: inner }) => message === meant[0].message && inner![0].key === meant[0].path![0].key);
  return agreed ? innermost(meant[0], path) : { issue, path };
}

function describe({ issue, path }: Fault): string {
  const field = path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .slice(1);
  if (LATER.includes(field)) return `option '${field}' is not there in this version`;
  if (issue.type === 'strict_object' && issue.expected === 'never') return `unknown option '${field}'`;
  if (issue.type === 'strict_object' && issue.received === 'undefined') return `option '${field}' is missing`;
  if (issue.type === 'strict_object') return `${field === '' ? 'options' : `option '${field}'`} has to be an object`;
  return `option '${field}' ${issue.message}`;
}

export const checkSandboxOptions = (options: unknown): SandboxOptions => check(sandboxOptions, options) as SandboxOptions;
export const checkSpawnOptions = (options: unknown): SpawnOptions => check(spawnOptions, options) as SpawnOptions;
export const checkRunOptions = (options: unknown): RunOptions => check(runOptions, options) as RunOptions;

export const checkTerminalSize = (value: unknown): TerminalSize => check(size, value);

/** A program's name and arguments. */
export function checkProgram(command: unknown, args: unknown): [string, string[]] {
  const result = v.safeParse(program, [command, args]);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const index = issue.path?.[1] === undefined ? '' : `[${String(issue.path[1].key)}]`;
  throw new SandboxError('ERR_SBX_OPTION', `${issue.path?.[0].key === 0 ? 'the command' : `args${index}`} ${issue.message}`);
}
