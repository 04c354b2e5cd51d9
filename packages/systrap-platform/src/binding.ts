import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** What the CPU has, and the bounds of guest addresses. */
export interface MachineInfo {
  /** Bytes of the XSAVE area in use. */
  readonly xsaveSize: number;
  /** State components that application code can use: bits of XCR0. */
  readonly xfeatures: number;
  readonly minUserAddress: number;
  readonly maxUserAddress: number;
  readonly tableStart: number;
  readonly tableEnd: number;
}

/**
 * The native part (native/binding.c). Machines, contexts and spaces are small integers; addresses, offsets and lengths are bytes. Functions that return a number
 * return a negative errno for what the host refused; a wrong argument throws a TypeError with code `ERR_SBX_NATIVE_ARGUMENT`.
 */
export interface Binding {
  /** A machine, or why there can be none. `memory`: the address of application memory here. `zygoteSocket` -1 starts a zygote. */
  open(memoryFd: number, memory: number, zygoteSocket: number, patches: 0 | 1, looks: 0 | 1): number | string;
  close(machine: number): void;
  info(machine: number): MachineInfo;
  ready(machine: number, wake: () => void): number;
  newSpace(machine: number): number;
  releaseSpace(machine: number, space: number): void;
  map(machine: number, space: number, addr: number, length: number, offset: number, access: number, precommit: 0 | 1): number;
  unmap(machine: number, space: number, addr: number, length: number): void;
  writeProtect(machine: number, space: number, addr: number, length: number): void;
  /** Rewrites no call sites in the space any more, and takes their table out of it. */
  claim(machine: number, space: number): void;
  /** Why the last space could not be made. */
  refusal(machine: number): string;
  /** The stub process's number, or why there is none any more. */
  spaceProcess(machine: number, space: number): number | string;
  newContext(machine: number, page: number): number;
  releaseContext(machine: number, context: number): void;
  pull(machine: number, context: number): void;
  /** Doubles that say what `switch` runs, as reading them costs less than arguments: machine, context, space, nanoseconds. */
  readonly switchArguments: ArrayBuffer;
  /** The context's page has the event. */
  switch(): void;
  start(machine: number, context: number, space: number): void;
  interrupt(machine: number, context: number): void;
  /** A context, or -1. */
  poll(machine: number): number;
  wait(machine: number, timeoutNs: number): number;
  arm(machine: number): number;
  failure(machine: number): string | null;
  counts(machine: number, sums: Float64Array): void;
}

const require = createRequire(import.meta.url);
// src/ and dist/ are both one level below the package's root.
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** Where there is no native part, opening a machine gives the reason: importing the package works on every machine. */
function load(): Binding {
  try {
    return require('node-gyp-build')(root);
  } catch (error) {
    const reason = `the native part of @sbx/systrap-platform is not there for ${process.platform}-${process.arch}: ${(error as Error).message}`;
    return { open: () => reason, switchArguments: new ArrayBuffer(0) } as unknown as Binding;
  }
}

export const binding: Binding = load();
