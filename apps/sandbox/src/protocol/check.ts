import * as v from 'valibot';
import type { SentryMessage } from './messages.js';

/*
 * What a sentry says is checked before it is believed: it may have been taken over.
 */

const text = v.string();
const id = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const byte = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(255));
const signo = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(64));

const sentryMessage = v.variant('type', [
  v.object({
    type: v.literal('ready'),
    version: v.number(),
    platform: text,
    isolation: v.array(v.object({ step: text, active: v.boolean(), note: text })),
    warnings: v.array(text),
  }),
  v.object({ type: v.literal('failed'), code: v.pipe(text, v.startsWith('ERR_SBX_')), message: text }),
  v.object({ type: v.literal('spawned'), id, pid: id }),
  v.object({ type: v.literal('spawnFailed'), id, errno: text, message: text }),
  v.object({ type: v.literal('exited'), id, code: v.nullable(byte), signo: v.nullable(signo) }),
  v.object({ type: v.literal('panic'), report: text }),
]);

/** The message that a value is. Throws a TypeError for one that is none. */
export function checkSentryMessage(value: unknown): SentryMessage {
  const result = v.safeParse(sentryMessage, value, { abortEarly: true });
  if (!result.success) throw new TypeError(`${v.getDotPath(result.issues[0]) ?? 'the message'}: ${result.issues[0].message}`);
  return result.output;
}
