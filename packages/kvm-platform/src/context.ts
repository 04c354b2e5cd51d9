import { type AddressSpace, CONTEXT_SIZE, type Context, type ContextPage, type EventKind, FLAG_STATE_DIRTY, REG } from '@sbx/platform';
import type { KvmAddressSpace } from './address-space.js';
import { binding } from './binding.js';
import { KvmError } from './error.js';

/** Initial x87 control word and MXCSR (SDM Vol. 1 table 13-2 and 10.2.3): all exceptions masked. */
const INITIAL_FCW = 0x37f;
const INITIAL_MXCSR = 0x1f80;
const USER_CODE = 0x33;
const USER_DATA = 0x2b;

/** One application thread: its page, and its number in the native part. */
export class KvmContext implements Context {
  readonly page: ContextPage;
  /** The native part's number; -1 after release. */
  id: number;
  readonly offset: number;
  readonly #machine: number;
  readonly #released: (context: KvmContext) => void;

  constructor(machine: number, id: number, page: ContextPage, offset: number, released: (context: KvmContext) => void) {
    this.#machine = machine;
    this.id = id;
    this.page = page;
    this.offset = offset;
    this.#released = released;
  }

  /** Gives a zeroed page the state of a thread that has not run yet. */
  static initialize(page: ContextPage): void {
    page.u32.fill(0, 0, CONTEXT_SIZE / 4);
    page.setReg(REG.cs, USER_CODE);
    page.setReg(REG.ss, USER_DATA);
    const view = new DataView(page.xstate.buffer, page.xstate.byteOffset, page.xstate.byteLength);
    view.setUint16(0, INITIAL_FCW, true);
    view.setUint32(24, INITIAL_MXCSR, true);
    page.flags = FLAG_STATE_DIRTY;
  }

  /** @hotpath */
  switch(as: AddressSpace, _cpu: number, timeoutNs: number): EventKind {
    return binding.switch(this.#machine, this.id, (as as KvmAddressSpace).id, timeoutNs) as EventKind;
  }

  /** @hotpath */
  start(as: AddressSpace): void {
    const result = binding.start(this.#machine, this.id, (as as KvmAddressSpace).id);
    if (result < 0) throw new KvmError(`the host gives no thread that could run programs (errno ${-result}; ulimit -u, pids.max)`);
  }

  interrupt(): void {
    binding.interrupt(this.#machine, this.id);
  }

  pullState(): void {
    binding.pull(this.#machine, this.id);
  }

  pushState(): void {
    this.page.flags |= FLAG_STATE_DIRTY;
  }

  release(): void {
    if (this.id < 0) return;
    binding.releaseContext(this.#machine, this.id);
    this.#released(this);
    this.id = -1;
  }
}
