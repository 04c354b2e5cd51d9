import { readFileSync } from 'node:fs';

const header = readFileSync(new URL('../../native/layout.h', import.meta.url), 'utf8');

/** A constant of native/layout.h. */
function constant(name: string): bigint {
  const value = new RegExp(`^#define ${name} +(0x[0-9a-f]+|\\d+)`, 'm').exec(header)?.[1];
  if (value === undefined) throw new Error(`layout.h does not define ${name}`);
  return BigInt(value);
}

export const STUB_BASE = constant('STUB_BASE');
export const STUB_SIZE = Number(constant('STUB_SIZE'));
export const GLOBAL_BASE = constant('GLOBAL_BASE');
export const GLOBAL_SIZE = Number(constant('GLOBAL_SIZE'));
export const CONTROL_BASE = constant('CONTROL_BASE');
export const CONTROL_SIZE = Number(constant('CONTROL_SIZE'));
export const CONTROL_LINES = constant('CONTROL_LINES');
export const LINE_SIZE = 1n << constant('LINE_SHIFT');
export const SLOT_BASE = constant('SLOT_BASE');
export const SLOT_SIZE = Number(constant('SLOT_SIZE'));
export const SLOT_CHUNK = Number(constant('SLOT_CHUNK'));
export const SLOT_COUNT = Number(constant('SLOT_COUNT'));
export const SLOT_STACK = constant('SLOT_STACK');
export const SLOT_IMAGE = constant('SLOT_IMAGE');
export const SLOT_UCONTEXT = constant('SLOT_UCONTEXT');
export const SLOT_EVENT = constant('SLOT_EVENT');
export const SLOT_SIGNO = constant('SLOT_SIGNO');
export const SLOT_TID = constant('SLOT_TID');
export const LINE_ALTSTACK = constant('LINE_ALTSTACK');
export const LINE_RESUME = constant('LINE_RESUME');
export const LINE_FLAGS = constant('LINE_FLAGS');
export const LINE_FS_BASE = constant('LINE_FS_BASE');
export const LINE_GS_BASE = constant('LINE_GS_BASE');
export const LINE_XSTATE = constant('LINE_XSTATE');
export const FD_MEMORY = constant('FD_MEMORY');
export const FD_CONTEXT = constant('FD_CONTEXT');
export const FD_DOORBELL = constant('FD_DOORBELL');
export const FD_DONE = constant('FD_DONE');

export const FD_PATCH = constant('FD_PATCH');
export const TABLE_BASE = constant('TABLE_BASE');
export const TABLE_SIZE = Number(constant('TABLE_SIZE'));
export const SITE_COUNT = Number(constant('SITE_COUNT'));
export const STUB_ENTRIES = constant('STUB_ENTRIES');
export const STUB_CALL = constant('STUB_CALL');
export const STUB_CALL_ELSEWHERE = constant('STUB_CALL_ELSEWHERE');

export const slotAddress = (index: number): bigint => SLOT_BASE + BigInt(index * SLOT_SIZE);
export const lineAddress = (index: number): bigint => CONTROL_BASE + CONTROL_LINES + BigInt(index) * LINE_SIZE;
