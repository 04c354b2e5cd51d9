import {
  type AddressSpace,
  CONTEXT_SIZE,
  type Context,
  type ContextPage,
  EVENT_SIGNAL,
  type EventKind,
  FLAG_STATE_DIRTY,
  REG,
} from '@sbx/platform';
import type { SystrapAddressSpace } from './address-space.js';
import { binding } from './binding.js';

/** Initial x87 control word and MXCSR (SDM Vol. 1 table 13-2 and 10.2.3): all exceptions masked. */
const INITIAL_FCW = 0x37f;
const INITIAL_MXCSR = 0x1f80;
/** The event of a thread whose process is gone. */
const SIGKILL = 9;
const USER_CODE = 0x33;
const USER_DATA = 0x2b;

const switchArguments = new Float64Array(binding.switchArguments);
const MACHINE = 0;
const CONTEXT = 1;
const SPACE = 2;
const TIMEOUT = 3;

/** One application thread: its page, and its number in the native part. */
export class SystrapContext implements Context {
  readonly page: ContextPage;
  /** The native part's number; -1 after release. */
  id: number;
  readonly offset: number;
  readonly #machine: number;
  readonly #released: (context: SystrapContext) => void;
  readonly #died: (space: SystrapAddressSpace) => void;
  #space: SystrapAddressSpace | null = null;

  constructor(
    machine: number,
    id: number,
    page: ContextPage,
    offset: number,
    released: (context: SystrapContext) => void,
    died: (space: SystrapAddressSpace) => void,
  ) {
    this.#machine = machine;
    this.id = id;
    this.page = page;
    this.offset = offset;
    this.#released = released;
    this.#died = died;
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
    switchArguments[MACHINE] = this.#machine;
    switchArguments[CONTEXT] = this.id;
    switchArguments[SPACE] = (as as SystrapAddressSpace).id;
    switchArguments[TIMEOUT] = timeoutNs;
    binding.switch();
    const event = this.page.event as EventKind;
    if (event === EVENT_SIGNAL && this.page.signo === SIGKILL) this.#died(as as SystrapAddressSpace);
    return event;
  }

  /** @hotpath */
  start(as: AddressSpace): void {
    this.#space = as as SystrapAddressSpace;
    binding.start(this.#machine, this.id, this.#space.id);
  }

  /** Its event after `start` has been taken. @hotpath */
  collected(): void {
    if (this.page.event === EVENT_SIGNAL && this.page.signo === SIGKILL) this.#died(this.#space!);
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
