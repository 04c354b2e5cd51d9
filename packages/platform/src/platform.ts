import type { AddressSpace } from './address-space.js';
import type { Context } from './context.js';
import type { Memory } from './memory.js';

/** A host system call that a platform needs after the seal, with argument rules: input to the sentry's seccomp filter. */
export interface SyscallRule {
  /** Name in the host's system-call table. */
  readonly name: string;
  /** Any of these argument patterns is allowed; none given: all arguments are. Index is the argument, `mask` is applied before the comparison. */
  readonly args?: ReadonlyArray<{ readonly index: number; readonly value: number; readonly mask?: number }>;
}

/** The extended (FP/SIMD) state of this machine's contexts: what signal frames and ptrace carry. */
export interface ExtendedState {
  /** Bytes of the XSAVE area in use (standard format); at most CONTEXT_XSTATE_SIZE. */
  readonly size: number;
  /** XCR0: the state components that application code can use. */
  readonly featuresLow: number;
  readonly featuresHigh: number;
}

/** How application code is run and how its memory is mapped. */
export interface Platform {
  readonly name: string;
  /** True if its address spaces implement AddressSpaceIO. Constant. */
  readonly supportsAddressSpaceIO: boolean;
  /** True if address spaces are scarce, so that the memory manager must release one that no task needs. */
  readonly cooperativelySchedulesAddressSpace: boolean;
  /** True if `Context.switch` can reliably report CPU preemption. */
  readonly detectsCPUPreemption: boolean;
  /** Preferred alignment of optional mappings; 0: the cost does not depend on the number of pages. */
  readonly mapUnit: number;
  /** Bounds of mappable user addresses; `maxUserAddress` is exclusive and page-aligned. */
  readonly minUserAddress: number;
  readonly maxUserAddress: number;
  /** Addresses that the platform uses in address spaces where nobody has called `claim`. */
  readonly ownRange?: { readonly start: number; readonly end: number };
  /** How many contexts can run at the same time through `start`. */
  readonly concurrency: number;
  readonly extendedState: ExtendedState;
  /** Application memory: what may be mapped into address spaces. */
  readonly memory: Memory;
  /**
   * A new address space, or a promise that settles when asking again makes sense. Two calls with the same non-null `mappingsId` mean the same mutable
   * set of mappings, unchanged since the last `release`. Throws the platform's own error where the host refuses one and no release would help.
   */
  newAddressSpace(mappingsId: object | null): AddressSpace | Promise<void>;
  /** A new execution context, with all registers zero and the initial FP state; or -ENOMEM. */
  newContext(): Context | number;
  /** Makes all concurrent and each context's next switch report preemption. Throws where not `detectsCPUPreemption`. */
  preemptAllCPUs(): void;
  /**
   * The next context that has ended a `start`, or null. Its event kind is in its page. Does not block.
   * @hotpath
   */
  poll(): Context | null;
  /** Blocks the calling thread until `poll` has something or `timeoutNs` passed: a short spin, then sleep. True if there is something. */
  wait(timeoutNs: number): boolean;
  /**
   * Asks for one call of `wake` (given at creation), from the event loop, when `poll` has something. Returns false, and asks for nothing, if it has
   * already.
   */
  arm(): boolean;
  /** Why EVENT_FAILED was reported: a report for people, or null. */
  failure(): string | null;
  /** What the platform has done so far, in figures of its own, for people. */
  counts?(): Readonly<Record<string, number>>;
  /** The host system calls that this platform alone needs. */
  syscallFilters(): readonly SyscallRule[];
  /** Ends all native threads and frees what the platform holds. No context may be running. */
  destroy(): void;
}

/** What a platform is made from. */
export interface PlatformOptions {
  /** Application memory: mapped into guests. */
  readonly memory: Memory;
  /** Memory of the kernel's own: page tables, context pages. Never mapped for application code. */
  readonly kernelMemory: Memory;
  /** Called from the event loop after `arm`. */
  readonly wake: () => void;
  /** Called with a line for people when a program is ended by what happened to the platform, or by what it did to it. */
  readonly log?: (line: string) => void;
  /** Native threads for `start`; default: the number of CPUs. */
  readonly concurrency?: number;
  /** A descriptor of the device that was opened before the seal, where the platform has one. Stays the caller's. */
  readonly deviceFd?: number;
  /** A socket to a process that makes processes for the platform, which was started beside this one before the seal, where the platform has such. */
  readonly zygoteSocket?: number;
  /** Whether the platform, where it can, rewrites call sites of programs so that system calls take less time. Default: true. */
  readonly rewriteCallSites?: boolean;
  /** Whether both sides of the platform, where it has such, look for each other's answers for a while before they sleep. Default: true. */
  readonly spin?: boolean;
}

/** What probing a platform on this machine showed. */
export interface Probe {
  /** Whether it can be used here. */
  readonly usable: boolean;
  /** Plain words: why it cannot be used, or what was found (quirks). */
  readonly reason: string;
  /** Median system-call round trip in nanoseconds, where usable. */
  readonly roundTripNs?: number;
}

/** A platform that can be chosen by name. */
export interface PlatformProvider {
  readonly name: string;
  /** Tries the platform out on this machine. Never throws. */
  probe(deviceFd?: number): Probe;
  /** Makes a platform, which takes milliseconds. Throws the platform's own error, with the reason, where it cannot be used. */
  create(options: PlatformOptions): Platform;
}

/**
 * For platforms that cannot detect CPU preemption: answers false, and using the operation is a programming error.
 *
 * @example
 * import { NoCPUPreemptionDetection } from '@sbx/platform';
 *
 * class Example extends NoCPUPreemptionDetection {}
 * new Example().detectsCPUPreemption; // false
 */
export abstract class NoCPUPreemptionDetection {
  readonly detectsCPUPreemption = false;
  /** Always throws. */
  preemptAllCPUs(): never {
    throw new Error('preemptAllCPUs: this platform does not detect CPU preemption');
  }
}

/** For platforms whose address spaces have no AddressSpaceIO. */
export const NoAddressSpaceIO = { supportsAddressSpaceIO: false } as const;
