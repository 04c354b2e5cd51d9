/** Exception and interrupt vectors (SDM Vol. 3A table 6-1, APM Vol. 2 table 8-1). */
export const Vector = {
  DivideByZero: 0,
  Debug: 1,
  NMI: 2,
  Breakpoint: 3,
  Overflow: 4,
  BoundRangeExceeded: 5,
  InvalidOpcode: 6,
  DeviceNotAvailable: 7,
  DoubleFault: 8,
  CoprocessorSegmentOverrun: 9,
  InvalidTSS: 10,
  SegmentNotPresent: 11,
  StackSegmentFault: 12,
  GeneralProtectionFault: 13,
  PageFault: 14,
  X87FloatingPointException: 16,
  AlignmentCheck: 17,
  MachineCheck: 18,
  SIMDFloatingPointException: 19,
  /** Also the vector by which a vCPU is bounced out of guest mode. */
  VirtualizationException: 20,
  SecurityException: 0x1e,
  SyscallInt80: 0x80,
  /** Pseudo-vector: what SYSCALL is reported as. No IDT entry of that number is used for it. */
  Syscall: 0x81,
} as const;

export type Vector = (typeof Vector)[keyof typeof Vector];

/** Entries of the IDT: one for every vector, so that none is a #GP of ours. */
export const IDT_ENTRIES = 256;

/** Vectors for which the CPU pushes an error code: 8, 10-14, 17, 21 (control protection), 29 (VMM communication), 30 (security). */
const WITH_ERROR_CODE = [8, 10, 11, 12, 13, 14, 17, 21, 29, 30];

/** Whether the CPU pushes an error code when it delivers `vector` as an exception. */
export function hasErrorCode(vector: number): boolean {
  return WITH_ERROR_CODE.includes(vector);
}

/** Whether ring 3 may raise `vector` by INT3, INTO or INT n; any other `int n` is a #GP. */
export function isUserGate(vector: number): boolean {
  return vector === Vector.Breakpoint || vector === Vector.Overflow || vector === Vector.SyscallInt80;
}

/** Bits of the error code of a page fault (SDM Vol. 3A 4.7). */
export const PageFaultError = {
  /** Set: the page was present and the access not allowed. Clear: nothing was mapped. */
  Present: 1 << 0,
  Write: 1 << 1,
  User: 1 << 2,
  ReservedBit: 1 << 3,
  Fetch: 1 << 4,
  ProtectionKey: 1 << 5,
} as const;

const names = new Map<number, string>(Object.entries(Vector).map(([name, vector]) => [vector, name]));

/**
 * The name of a vector for people, such as `PageFault`, or `Interrupt 33`.
 *
 * @example
 * import { amd64 } from '@sbx/ring0';
 *
 * amd64.vectorName(14); // 'PageFault'
 * amd64.vectorName(33); // 'Interrupt 33'
 * amd64.hasErrorCode(14); // true
 * amd64.isUserGate(0x80); // true
 */
export function vectorName(vector: number): string {
  return names.get(vector) ?? `Interrupt ${vector}`;
}
