import { IUTF8, OCRNL, OLCUC, ONLCR, ONLRET, ONOCR, OPOST, TABDLY, XTABS } from '@sbx/abi';
import { ACCESS_READ } from '@sbx/platform';
import type { IoBuffer } from '../../../io/io-buffer.js';
import { ByteRing } from './byte-ring.js';
import type { LineOwner } from './line-discipline.js';

/** Echoes that wait for room. */
const ECHO_SIZE = 4096;
/** A byte becomes at most this many (a tab). */
const MAX_EXPANSION = 8;
const BACKSPACE = 8;
const TAB = 9;
const NEWLINE = 10;
const RETURN = 13;
const SPACE = 32;
const CARET = 94;

/**
 * The output side of a line discipline: post-processing (OPOST) with the column that it needs, and echoes, which go out before anything that programs
 * write after them.
 */
export class OutputProcessor {
  readonly #owner: LineOwner;
  readonly #echoes = new ByteRing(ECHO_SIZE);
  /** Column of the cursor, and the one at which the line being typed began. */
  #column = 0;
  #lineStart = 0;

  constructor(owner: LineOwner) {
    this.#owner = owner;
  }

  #oflag(flag: number): boolean {
    return (this.#owner.termios.oflag & flag) !== 0;
  }

  /** Writes from `io` as much as there is room for; returns the bytes taken. */
  write(io: IoBuffer): number {
    const { output } = this.#owner;
    let taken = 0;
    this.flushEchoes();
    while (io.remaining > 0 && this.#echoes.length === 0) {
      const room = this.#owner.outputRoom;
      if (room === 0) break;
      const n = io.segment(room, ACCESS_READ);
      if (n === 0) break;
      const bytes = io.segmentBytes(n);
      const used = this.#oflag(OPOST) ? this.#process(bytes, n, room) : output.write(bytes, 0, n);
      if (used === 0) break;
      io.advance(used);
      taken += used;
    }
    if (taken > 0) this.#owner.outputAdded();
    return taken;
  }

  /** Post-processes `bytes` into the output: how many of them had room. */
  #process(bytes: Uint8Array, length: number, room: number): number {
    const { output } = this.#owner;
    let used = 0;
    while (used < length) {
      const plain = this.#plainRun(bytes, used, Math.min(length, used + room));
      if (plain > 0) {
        output.write(bytes, used, plain);
        used += plain;
        room -= plain;
        continue;
      }
      // Not knowing yet how long it becomes, ask for the most, or exactly when room is short.
      if (room < MAX_EXPANSION && room < this.#expandedLength(bytes[used])) break;
      room -= this.#expand(bytes[used++], output);
    }
    return used;
  }

  /** How many of the bytes from `start` on go out as they are; moves the column. */
  #plainRun(bytes: Uint8Array, start: number, end: number): number {
    if (this.#oflag(OLCUC)) return 0;
    const utf8 = (this.#owner.termios.iflag & IUTF8) !== 0;
    let at = start;
    let columns = 0;
    for (; at < end; at++) {
      const c = bytes[at];
      if (c < 32) break;
      if (c !== 127 && !(utf8 && (c & 0xc0) === 0x80)) columns++;
    }
    this.#column += columns;
    return at - start;
  }

  #expandedLength(c: number): number {
    if (c === NEWLINE) return this.#oflag(ONLCR) ? 2 : 1;
    if (c === TAB && (this.#owner.termios.oflag & TABDLY) === XTABS) return 8 - (this.#column & 7);
    return 1;
  }

  /** Sends one byte with post-processing; returns what it became. */
  #expand(c: number, output: ByteRing): number {
    switch (c) {
      case NEWLINE:
        if (this.#oflag(ONLRET)) this.#column = 0;
        if (this.#oflag(ONLCR)) {
          this.#column = this.#lineStart = 0;
          output.push(RETURN);
          output.push(NEWLINE);
          return 2;
        }
        this.#lineStart = this.#column;
        break;
      case RETURN:
        if (this.#oflag(ONOCR) && this.#column === 0) return 0;
        if (this.#oflag(OCRNL)) {
          c = NEWLINE;
          if (this.#oflag(ONLRET)) this.#column = this.#lineStart = 0;
        } else this.#column = this.#lineStart = 0;
        break;
      case TAB: {
        const spaces = 8 - (this.#column & 7);
        this.#column += spaces;
        if ((this.#owner.termios.oflag & TABDLY) === XTABS) {
          for (let i = 0; i < spaces; i++) output.push(SPACE);
          return spaces;
        }
        break;
      }
      case BACKSPACE:
        if (this.#column > 0) this.#column--;
        break;
      default:
        if (c >= 32 && c !== 127) {
          if (this.#oflag(OLCUC)) c = toUpper(c);
          if (!((c & 0xc0) === 0x80 && (this.#owner.termios.iflag & IUTF8) !== 0)) this.#column++;
        }
    }
    output.push(c);
    return 1;
  }

  // -- Echoes: processed now, sent by `flushEchoes`.

  /** Remembers where the line begins that is being typed: tabs are erased relative to that. */
  markLineStart(): void {
    this.#lineStart = this.#column;
  }
  echo(c: number): void {
    this.#makeRoom();
    if (this.#oflag(OPOST)) this.#expand(c, this.#echoes);
    else this.#echoes.push(c);
  }
  /** A byte that does not move the cursor (the rest of a multi-byte character). */
  echoUncounted(c: number): void {
    const column = this.#column;
    this.echo(c);
    this.#column = column;
  }
  /** A control character as ^X. */
  echoControl(c: number): void {
    this.#makeRoom();
    this.#echoes.push(CARET);
    this.#echoes.push(c ^ 0o100);
    this.#column += 2;
  }
  /** Moves the cursor back over a tab: `columns` is the width of what stands before it since another tab or the begin of the line. */
  echoErasedTab(columns: number, afterTab: boolean): void {
    const before = afterTab ? columns : columns + this.#lineStart;
    for (let i = 8 - (before & 7); i > 0; i--) {
      this.#makeRoom();
      this.#echoes.push(BACKSPACE);
      if (this.#column > 0) this.#column--;
    }
  }
  /** When nobody takes the output, the oldest echoes go. */
  #makeRoom(): void {
    const { free } = this.#echoes;
    if (free < MAX_EXPANSION) this.#echoes.drop(MAX_EXPANSION - free);
  }
  discardEchoes(): void {
    this.#echoes.truncate(0);
  }

  /** Sends as many echoes as there is room for. */
  flushEchoes(): void {
    const echoes = this.#echoes;
    if (echoes.length === 0) return;
    let room = Math.min(this.#owner.outputRoom, echoes.length);
    if (room === 0) return;
    while (room-- > 0) this.#owner.output.push(echoes.shift());
    this.#owner.outputAdded();
  }
}

function toUpper(c: number): number {
  return (c >= 97 && c <= 122) || (c >= 0xe0 && c <= 0xfe && c !== 0xf7) ? c - 32 : c;
}
