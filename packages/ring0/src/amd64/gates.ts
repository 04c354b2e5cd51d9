/** Interrupt-descriptor-table gates of long mode: 16 bytes each (SDM Vol. 3A 6.14.1). */
import { highWord, lowWord } from './addresses.js';
import { KCODE } from './segments.js';
import { IDT_ENTRIES, isUserGate, Vector } from './vectors.js';

/** Bytes of one gate. */
export const GATE_SIZE = 16;
/** Bytes of the whole IDT. */
export const IDT_SIZE = IDT_ENTRIES * GATE_SIZE;

/** Gate types: an interrupt gate clears IF on entry, a trap gate does not. */
export const GateType = { Interrupt: 14, Trap: 15 } as const;

/**
 * A view of one gate in a table of 32-bit words.
 *
 * @example
 * import { amd64 } from '@sbx/ring0';
 *
 * const gate = new amd64.Gate64();
 * gate.setInterrupt(amd64.KCODE, -0x7ffff000, 3, amd64.Ist.Main);
 * gate.address(); // -0x7ffff000
 * gate.dpl(); // 3
 * gate.type() === amd64.GateType.Interrupt; // true
 */
export class Gate64 {
  readonly words: Uint32Array;
  readonly #at: number;

  /** @param words the table; @param vector index of the gate in it. */
  constructor(words: Uint32Array = new Uint32Array(4), vector = 0) {
    this.words = words;
    this.#at = vector * 4;
  }

  /** A present interrupt gate to `address` (sign-extended) at code selector `cs`, on IST stack `ist` (0 = none, 1 … 7). */
  setInterrupt(cs: number, address: number, dpl: number, ist: number): void {
    this.#set(GateType.Interrupt, cs, address, dpl, ist);
  }

  /** As {@link setInterrupt}, but interrupts stay as they are. */
  setTrap(cs: number, address: number, dpl: number, ist: number): void {
    this.#set(GateType.Trap, cs, address, dpl, ist);
  }

  /** The handler's address, sign-extended. */
  address(): number {
    const low = ((this.words[this.#at + 1]! & 0xffff0000) | (this.words[this.#at]! & 0xffff)) >>> 0;
    return (this.words[this.#at + 2]! | 0) * 0x100000000 + low;
  }

  /** The code selector of the handler. */
  selector(): number {
    return this.words[this.#at]! >>> 16;
  }

  /** One of {@link GateType}. */
  type(): number {
    return (this.words[this.#at + 1]! >>> 8) & 0x1f;
  }

  /** Whether the gate is there; if not, its vector is a #NP. */
  present(): boolean {
    return (this.words[this.#at + 1]! & (1 << 15)) !== 0;
  }

  /** Descriptor privilege level, 0 … 3: the rings from there inwards may raise the vector by INT n. */
  dpl(): number {
    return (this.words[this.#at + 1]! >>> 13) & 3;
  }

  /** The IST stack, 1 … 7, or 0 for none. */
  ist(): number {
    return this.words[this.#at + 1]! & 7;
  }

  #set(type: number, cs: number, address: number, dpl: number, ist: number): void {
    const low = lowWord(address);
    this.words[this.#at] = (cs << 16) | (low & 0xffff);
    this.words[this.#at + 1] = (low & 0xffff0000) | (1 << 15) | (dpl << 13) | (type << 8) | ist;
    this.words[this.#at + 2] = highWord(address);
    this.words[this.#at + 3] = 0;
  }
}

/**
 * The IST stack of each vector. Every vector has one: C and JavaScript code use the red zone, so nothing may ever be pushed on the
 * interrupted stack. NMI, #DF and #MC have their own, so that they can strike inside another handler.
 */
export const Ist = { Main: 1, NMI: 2, DoubleFault: 3, MachineCheck: 4 } as const;

/** Which IST stack (1 … 7) `vector` runs on. */
export function istOf(vector: number): number {
  if (vector === Vector.NMI) return Ist.NMI;
  if (vector === Vector.DoubleFault) return Ist.DoubleFault;
  if (vector === Vector.MachineCheck) return Ist.MachineCheck;
  return Ist.Main;
}

/**
 * Fills an IDT: 256 present interrupt gates (IF is clear in every handler), DPL 3 for INT3, INTO and `int 0x80` only.
 *
 * @param words the table as 32-bit words; {@link IDT_SIZE} bytes.
 * @param handler the linear address of each vector's entry point.
 *
 * @example
 * import { amd64 } from '@sbx/ring0';
 *
 * const idt = new Uint32Array(amd64.IDT_SIZE / 4);
 * amd64.writeIdt(idt, (vector) => -0x1000 + vector * 16);
 * const breakpoint = new amd64.Gate64(idt, amd64.Vector.Breakpoint);
 * breakpoint.address(); // -4048
 * breakpoint.dpl(); // 3: a program may execute INT3
 * new amd64.Gate64(idt, amd64.Vector.PageFault).dpl(); // 0
 */
export function writeIdt(words: Uint32Array, handler: (vector: number) => number): void {
  for (let vector = 0; vector < IDT_ENTRIES; vector++) {
    new Gate64(words, vector).setInterrupt(KCODE, handler(vector), isUserGate(vector) ? 3 : 0, istOf(vector));
  }
}
