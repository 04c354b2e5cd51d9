import type { AddressSpace } from './address-space.js';
import type { ContextPage } from './context-page.js';
import type { EventKind } from './event.js';

/**
 * One application thread. Its registers live in its context page: general registers are there after every event and are loaded from there at every
 * resume. FS/GS base and the extended (FP/SIMD) state may stay in the CPU between events: see `pullState`.
 */
export interface Context {
  /** Registers and events; shared with native code. The caller may use it while the context does not run. */
  readonly page: ContextPage;
  /**
   * Resumes the thread in `as` and returns when it ends in an event (EVENT_*), at the latest after `timeoutNs` nanoseconds (EVENT_INTERRUPT, which may also
   * come early and for no reason: then switch again). Blocks the calling thread. `cpu` is non-negative only where the platform `detectsCPUPreemption`, else -1.
   * @hotpath
   */
  switch(as: AddressSpace, cpu: number, timeoutNs: number): EventKind;
  /** Lets the thread run on a native thread of the platform; its event is collected by `Platform.poll`. Does not block. */
  start(as: AddressSpace): void;
  /**
   * Ends the `switch` or `start` under way with EVENT_INTERRUPT; when there is none, the next one. May be called at any time. Does not block.
   */
  interrupt(): void;
  /**
   * Brings FS/GS base and the extended state in the page up to date. From then on until the next resume the page is what counts, so that the caller
   * may read and edit it there; call `pushState` after an edit. Not while the context runs.
   */
  pullState(): void;
  /** Says that the page's FS/GS base or extended state were edited (after `pullState`, or on a new context): the next resume loads them. */
  pushState(): void;
  /** Gives the context back. It must not be running. */
  release(): void;
}
