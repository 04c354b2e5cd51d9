import { readFileSync } from 'node:fs';
import { AT_HWCAP, AT_HWCAP2, AT_MINSIGSTKSZ } from '@sbx/abi';

/** What programs learn of the processor from the auxiliary vector. */
export interface Machine {
  /** AT_HWCAP: CPUID leaf 1, EDX. */
  hwcap: number;
  /** AT_HWCAP2: bit 0 ring 3 MONITOR/MWAIT, bit 1 FSGSBASE. */
  hwcap2: number;
  /** AT_MINSIGSTKSZ: the least a signal handler's stack must have. */
  minimumSignalStack: number;
}

/** What every x86-64 has: FPU to SSE2. */
export const BASELINE_MACHINE: Machine = { hwcap: 0x078bfbff, hwcap2: 0, minimumSignalStack: 3632 };

/** The machine that the kernel runs on. Set once at the start, before the host's files are out of reach; later only read. */
export const machine: Machine = { ...BASELINE_MACHINE };

/**
 * Takes over what the host's kernel told this process (/proc/self/auxv, getauxval(3)): programs that are started from then on see it. Without it, and where
 * the file can't be read, they see a processor that can what every x86-64 can. Reads one small file. Never throws.
 * See the example of {@link Kernel}.
 */
export function readHostMachine(path = '/proc/self/auxv'): void {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch {
    return;
  }
  for (let at = 0; at + 16 <= bytes.length; at += 16) {
    const value = bytes.readUInt32LE(at + 8);
    switch (bytes.readUInt32LE(at)) {
      case AT_HWCAP:
        machine.hwcap = value;
        break;
      case AT_HWCAP2:
        // Ring 3 MWAIT is the host's matter; FSGSBASE is what programs ask for.
        machine.hwcap2 = value & 2;
        break;
      case AT_MINSIGSTKSZ:
        machine.minimumSignalStack = value;
        break;
    }
  }
}
