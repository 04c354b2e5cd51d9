import type { Phase } from './attacks.js';
import type { Order, Outcome } from './victim.js';

/** What attack-child.ts did. */
export interface Report {
  readonly attempts: number;
  readonly checks: number;
  readonly outcomes: Readonly<Record<Outcome, number>>;
  /** Why processes ended, with how often. */
  readonly reasons: Readonly<Record<string, number>>;
  readonly orders: readonly Order[];
  /** Lines of the platform's log. */
  readonly logLines: number;
  readonly phases: readonly Phase[];
  /** Names of the register files. */
  readonly files: readonly string[];
  /** The stub's text, base64. */
  readonly text: string;
  readonly filters: { readonly guest: string; readonly mapper: string };
}

/** A system call that the host performed for a stub process; with `count` > 1 several, equal but for what is free. */
export interface Seen {
  readonly kind: 'call' | 'sum';
  readonly role: 'child' | 'mapper' | 'thread';
  readonly process: number;
  readonly thread: number;
  readonly count: number;
  readonly nr: number;
  readonly arch: number;
  readonly ip: bigint;
  readonly args: readonly bigint[];
}

const RECORD_SIZE = 16 + 8 * 10;
const ROLES = ['unknown', 'zygote', 'child', 'mapper', 'thread'];

/** The records of observer.c. */
export function readLog(log: Buffer): Seen[] {
  const seen: Seen[] = [];
  for (let at = 0; at + RECORD_SIZE <= log.length; at += RECORD_SIZE) {
    const word = (i: number) => log.readBigUInt64LE(at + 16 + 8 * i);
    seen.push({
      kind: log.readUInt32LE(at) === 1 ? 'call' : 'sum',
      role: ROLES[log.readUInt32LE(at + 4)] as Seen['role'],
      process: log.readUInt32LE(at + 8),
      thread: log.readUInt32LE(at + 12),
      count: Number(word(0)),
      nr: Number(word(1)),
      arch: Number(word(2)),
      ip: word(3),
      args: Array.from({ length: 6 }, (_, i) => word(4 + i)),
    });
  }
  if (log.length % RECORD_SIZE !== 0) throw new Error('the log is torn');
  return seen;
}
