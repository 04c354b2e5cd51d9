import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** What the CPU and its KVM have, and what calibration found (see machine.h). Booleans are 0 or 1. */
export interface MachineInfo {
  /** EAX of CPUID leaf 0x80000008. */
  readonly addressSizes: number;
  readonly gigabytePages: number;
  readonly maxVcpus: number;
  readonly cr4: number;
  readonly xcr0: number;
  /** Bytes of the XSAVE area that the components in XCR0 take. */
  readonly xsaveSize: number;
  readonly syscallFaults: number;
  readonly bare: number;
  readonly window: number;
  readonly shadow: number;
}

/**
 * The native part (native/binding.c). Machines, contexts and spaces are small integers; addresses and lengths are bytes, kernel-half addresses
 * sign-extended. Functions that return a number return a negative errno for what KVM or the host refused; a wrong argument throws a TypeError with code
 * `ERR_SBX_NATIVE_ARGUMENT`.
 */
export interface Binding {
  /** Offsets in, and size of, the text of ring 0. */
  readonly textSize: number;
  readonly vectors: number;
  readonly vectorSize: number;
  readonly bareVectors: number;

  /** A machine, or why there can be none. `fd` -1 opens /dev/kvm. */
  open(fd: number): number | string;
  close(machine: number): void;
  info(machine: number): MachineInfo;
  addSlot(machine: number, guestPhysical: number, host: number, length: number): number;
  configure(
    machine: number,
    text: number,
    idt: number,
    cpus: number,
    hostCpus: number,
    bootCr3: number,
    tables: number,
    tablesPhysical: number,
    hostText: number,
  ): number;
  setMode(machine: number, syscallFaults: number, bare: number, window: number, shadow: number): number;
  ready(machine: number, workers: number, wake: () => void): number;
  prepare(machine: number): number;
  newSpace(machine: number, cr3: number): number;
  releaseSpace(machine: number, space: number): void;
  flush(machine: number, space: number): void;
  /** Space -1: only the frames. */
  forget(machine: number, space: number, address: number, length: number, frames: Uint32Array, count: number): number;
  /** 1: a flush is needed. */
  writeProtect(machine: number, space: number, address: number, length: number): number;
  newContext(machine: number, page: number): number;
  releaseContext(machine: number, context: number): void;
  pull(machine: number, context: number): void;
  switch(machine: number, context: number, space: number, timeoutNs: number): number;
  /**
   * Runs a context that makes system calls all the time for `rounds` of them, twice, answering each with 0 in native code. Nanoseconds of a round trip, and
   * of its part in KVM_RUN. The event that ended it early, else EVENT_SYSCALL.
   */
  measure(machine: number, context: number, space: number, rounds: number, result: Float64Array): number;
  start(machine: number, context: number, space: number): number;
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
    const reason = `the native part of @sbx/kvm-platform is not there for ${process.platform}-${process.arch}: ${(error as Error).message}`;
    return { open: () => reason } as unknown as Binding;
  }
}

export const binding: Binding = load();
