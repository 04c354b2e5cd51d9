import {
  ECHO,
  ECHOCTL,
  ECHOE,
  ECHOK,
  ECHOKE,
  ECHONL,
  ECHOPRT,
  EXTPROC,
  ICANON,
  ICRNL,
  IEXTEN,
  IGNCR,
  INLCR,
  ISIG,
  ISTRIP,
  IUCLC,
  IUTF8,
  IXANY,
  IXON,
  NOFLSH,
  PARMRK,
  SIGINT,
  SIGQUIT,
  SIGTSTP,
  VEOF,
  VEOL,
  VEOL2,
  VERASE,
  VINTR,
  VKILL,
  VLNEXT,
  VQUIT,
  VREPRINT,
  VSTART,
  VSTOP,
  VSUSP,
  VWERASE,
} from '@sbx/abi';
import { ACCESS_WRITE } from '@sbx/platform';
import type { IoBuffer } from '../../../io/io-buffer.js';
import type { ByteRing } from './byte-ring.js';
import { OutputProcessor } from './output-processor.js';
import { DISABLED, type Termios } from './termios.js';

/** Bytes of input that wait to be read (N_TTY_BUF_SIZE): a line has at most one less, plus its newline. */
export const INPUT_SIZE = 4096;
const MASK = INPUT_SIZE - 1;
const NEWLINE = 10;
const RETURN = 13;
const TAB = 9;
const BACKSPACE = 8;
const SPACE = 32;
const CARET = 94;
const BACKSLASH = 92;
const SLASH = 47;

/** What a line discipline needs of its terminal. */
export interface LineOwner {
  readonly termios: Termios;
  /** Whether output is stopped by the STOP character or tcflow. */
  readonly stopped: boolean;
  /** Bytes that can go out now; 0 while stopped. */
  readonly outputRoom: number;
  /** Where output goes. Call `outputAdded` after adding to it. */
  readonly output: ByteRing;
  outputAdded(): void;
  /** Sends a signal to the foreground process group. */
  signal(signo: number): void;
  /** A signal character discards what was not yet seen by the other side. */
  discardOutput(): void;
  stop(): void;
  start(): void;
  /** There is something to read, perhaps. */
  readable(): void;
}

/**
 * The terminal line discipline N_TTY (termios(3)): turns what is typed into lines or raw bytes, echoes it, makes signals of special characters; and
 * processes output. Behaves as Linux's.
 *
 *     input ring    tail ≤ canonical head ≤ head       bytes before the canonical head are complete lines; after it, the line being edited
 */
export class LineDiscipline {
  readonly #owner: LineOwner;
  readonly #output: OutputProcessor;
  readonly #bytes = new Uint8Array(INPUT_SIZE);
  /** 1 where a line ends: at its newline, or at a DISABLED byte that stands for the end-of-file character. */
  readonly #ends = new Uint8Array(INPUT_SIZE);
  #tail = 0;
  #canonicalHead = 0;
  #head = 0;
  /** Which characters are special under the current modes. */
  readonly #special = new Uint8Array(256);
  /** No input processing at all. */
  #raw = false;
  /** The next character is taken literally (LNEXT was typed). */
  #literal = false;
  /** Inside `\…/` of ECHOPRT. */
  #erasing = false;

  constructor(owner: LineOwner) {
    this.#owner = owner;
    this.#output = new OutputProcessor(owner);
    this.termiosChanged(null);
  }

  #lflag(flag: number): boolean {
    return (this.#owner.termios.lflag & flag) !== 0;
  }
  #iflag(flag: number): boolean {
    return (this.#owner.termios.iflag & flag) !== 0;
  }
  #is(c: number, index: number): boolean {
    return c === this.#owner.termios.cc[index];
  }
  /** Whether reads give lines. */
  get canonical(): boolean {
    return (this.#owner.termios.lflag & (ICANON | EXTPROC)) === ICANON;
  }

  // -- Reading.

  /** Bytes that a read could get now: for TIOCINQ. End-of-file marks don't count. */
  get available(): number {
    if (!this.canonical) return this.#head - this.#tail;
    let count = this.#canonicalHead - this.#tail;
    for (let at = this.#tail; at < this.#canonicalHead; at++) if (this.#isEndOfFile(at)) count--;
    return count;
  }
  /** Whether a read gets something (perhaps the end of file): a line, or at least `least` bytes. */
  hasInput(least = 1): boolean {
    return this.canonical ? this.#canonicalHead !== this.#tail : this.#head - this.#tail >= least;
  }

  /** Moves raw input to `io`: the bytes moved. */
  readRaw(io: IoBuffer): number {
    return this.#moveTo(io, this.#head - this.#tail);
  }

  /** Moves one line, or the part of it that fits, to `io`: the bytes moved; 0 for an end of file. There is a line. */
  readLine(io: IoBuffer): number {
    let end = this.#tail;
    const most = Math.min(this.#canonicalHead, this.#tail + io.remaining);
    while (end < most && this.#ends[end & MASK] === 0) end++;
    const found = end < most;
    const endOfFile = found && this.#isEndOfFile(end);
    const wanted = end - this.#tail + (found && !endOfFile ? 1 : 0);
    const moved = this.#moveTo(io, wanted);
    if (moved < wanted) return moved;
    if (endOfFile) this.#skipEnd();
    else if (!found && io.remaining === 0 && this.#tail < this.#canonicalHead && this.#isEndOfFile(this.#tail)) {
      // The buffer was just large enough for what stands before an end-of-file character, which then ends nothing more.
      this.#skipEnd();
    }
    return moved;
  }

  #isEndOfFile(at: number): boolean {
    return this.#ends[at & MASK] !== 0 && this.#bytes[at & MASK] === DISABLED;
  }
  #skipEnd(): void {
    this.#ends[this.#tail & MASK] = 0;
    this.#tail++;
  }
  #moveTo(io: IoBuffer, count: number): number {
    let moved = 0;
    while (moved < count) {
      const at = this.#tail & MASK;
      const n = io.segment(Math.min(count - moved, INPUT_SIZE - at), ACCESS_WRITE);
      if (n === 0) break;
      io.segmentBytes(n).set(this.#bytes.subarray(at, at + n));
      io.advance(n);
      this.#ends.fill(0, at, at + n);
      this.#tail += n;
      moved += n;
    }
    return moved;
  }

  /** Forgets all input (tcflush). */
  flushInput(): void {
    this.#tail = this.#canonicalHead = this.#head = 0;
    this.#ends.fill(0);
    this.#erasing = false;
    this.#literal = false;
  }

  // -- Output.

  /** Writes what a program wrote: the bytes taken from `io`. Fewer than there are when there is no room. */
  write(io: IoBuffer): number {
    return this.#output.write(io);
  }
  /** Sends echoes that had no room before. */
  flushEchoes(): void {
    this.#output.flushEchoes();
  }

  // -- Input.

  /** Takes bytes from `line` as long as there is room for them. */
  receive(line: ByteRing): void {
    const before = this.#head;
    while (line.length > 0 && this.#hasRoom()) this.#receiveByte(line.shift());
    this.#output.flushEchoes();
    if (!this.canonical && this.#head !== before && this.#head !== this.#tail) this.#owner.readable();
  }

  /** Takes a byte as if it had come in, ahead of what waits in the line (TIOCSTI); dropped when there is no room. */
  simulate(c: number): void {
    if (!this.#hasRoom()) return;
    this.#receiveByte(c);
    this.#output.flushEchoes();
    if (!this.canonical && this.#head !== this.#tail) this.#owner.readable();
  }

  /** A line that is too long loses what is typed beyond its limit; only the last place is overwritten, so that a newline can still end it. */
  #hasRoom(): boolean {
    let room = INPUT_SIZE - (this.#head - this.#tail);
    if (this.#iflag(PARMRK)) room = Math.ceil(room / 3);
    if (--room > 0) return true;
    if (!this.#lflag(ICANON) || this.#canonicalHead !== this.#tail) return false;
    if (room < 0) this.#head--;
    return true;
  }

  #put(c: number): void {
    this.#bytes[this.#head & MASK] = c;
    this.#ends[this.#head & MASK] = 0;
    this.#head++;
  }

  #receiveByte(c: number): void {
    if (this.#raw) {
      this.#put(c);
      return;
    }
    const literal = this.#literal;
    this.#literal = false;
    if (this.#iflag(ISTRIP)) c &= 0x7f;
    if (this.#iflag(IUCLC) && this.#lflag(IEXTEN)) c = toLower(c);
    if (this.#lflag(EXTPROC)) this.#put(c);
    else if (!literal && this.#special[c] !== 0) this.#receiveSpecial(c);
    else this.#receiveOrdinary(c);
  }

  #receiveOrdinary(c: number): void {
    this.#restartOnAny();
    if (this.#lflag(ECHO)) {
      this.#finishErasing();
      if (this.#head === this.#canonicalHead) this.#output.markLineStart();
      this.#echo(c);
    }
    if (c === 0xff && this.#iflag(PARMRK)) this.#put(c);
    this.#put(c);
  }

  #restartOnAny(): void {
    if (this.#owner.stopped && this.#iflag(IXON) && this.#iflag(IXANY)) this.#owner.start();
  }

  #receiveSpecial(c: number): void {
    if (this.#iflag(IXON)) {
      if (this.#is(c, VSTART)) {
        this.#owner.start();
        return;
      }
      if (this.#is(c, VSTOP)) {
        this.#owner.stop();
        return;
      }
    }
    if (this.#lflag(ISIG)) {
      const signo = this.#is(c, VINTR) ? SIGINT : this.#is(c, VQUIT) ? SIGQUIT : this.#is(c, VSUSP) ? SIGTSTP : 0;
      if (signo !== 0) {
        this.#receiveSignal(c, signo);
        return;
      }
    }
    this.#restartOnAny();
    if (c === RETURN) {
      if (this.#iflag(IGNCR)) return;
      if (this.#iflag(ICRNL)) c = NEWLINE;
    } else if (c === NEWLINE && this.#iflag(INLCR)) c = RETURN;
    if (this.#lflag(ICANON) && this.#edit(c)) return;
    if (this.#lflag(ECHO)) {
      this.#finishErasing();
      if (c === NEWLINE) this.#output.echo(NEWLINE);
      else {
        if (this.#head === this.#canonicalHead) this.#output.markLineStart();
        this.#echo(c);
      }
    }
    if (c === 0xff && this.#iflag(PARMRK)) this.#put(c);
    this.#put(c);
  }

  #receiveSignal(c: number, signo: number): void {
    this.#owner.signal(signo);
    if (!this.#lflag(NOFLSH)) {
      this.#output.discardEchoes();
      this.#owner.discardOutput();
      this.flushInput();
    }
    if (this.#iflag(IXON)) this.#owner.start();
    if (this.#lflag(ECHO)) this.#echo(c);
  }

  /** Canonical editing: true when the character was an editing character or ended a line. */
  #edit(c: number): boolean {
    const extended = this.#lflag(IEXTEN);
    if (this.#is(c, VERASE) || this.#is(c, VKILL) || (this.#is(c, VWERASE) && extended)) {
      this.#erase(c);
      return true;
    }
    if (this.#is(c, VLNEXT) && extended) {
      this.#literal = true;
      if (this.#lflag(ECHO)) {
        this.#finishErasing();
        if (this.#lflag(ECHOCTL)) {
          this.#output.echo(CARET);
          this.#output.echo(BACKSPACE);
        }
      }
      return true;
    }
    if (this.#is(c, VREPRINT) && extended && this.#lflag(ECHO)) {
      this.#finishErasing();
      this.#echo(c);
      this.#output.echo(NEWLINE);
      for (let at = this.#canonicalHead; at < this.#head; at++) this.#echo(this.#bytes[at & MASK]);
      return true;
    }
    if (c === NEWLINE) {
      if (this.#lflag(ECHO | ECHONL)) this.#output.echo(NEWLINE);
      this.#endLine(c);
      return true;
    }
    if (this.#is(c, VEOF)) {
      this.#endLine(DISABLED);
      return true;
    }
    if (this.#is(c, VEOL) || (this.#is(c, VEOL2) && extended)) {
      if (this.#lflag(ECHO)) {
        if (this.#head === this.#canonicalHead) this.#output.markLineStart();
        this.#echo(c);
      }
      if (c === 0xff && this.#iflag(PARMRK)) this.#put(c);
      this.#endLine(c);
      return true;
    }
    return false;
  }

  #endLine(c: number): void {
    this.#put(c);
    this.#ends[(this.#head - 1) & MASK] = 1;
    this.#canonicalHead = this.#head;
    this.#owner.readable();
  }

  #isContinuation(c: number): boolean {
    return (c & 0xc0) === 0x80 && this.#iflag(IUTF8);
  }

  /** Echoes a character as people see it: a control character as ^X with ECHOCTL. */
  #echo(c: number): void {
    if (this.#lflag(ECHOCTL) && isControl(c) && c !== TAB) this.#output.echoControl(c);
    else this.#output.echo(c);
  }

  #finishErasing(): void {
    if (!this.#erasing) return;
    this.#output.echo(SLASH);
    this.#erasing = false;
  }

  /** Takes back a character, a word or the line (ERASE, WERASE, KILL). */
  #erase(c: number): void {
    if (this.#head === this.#canonicalHead) return;
    const isErase = this.#is(c, VERASE);
    const isWord = !isErase && this.#is(c, VWERASE);
    if (!isErase && !isWord && this.#killPlainly()) return;
    let seenWord = false;
    while (this.#head !== this.#canonicalHead) {
      let at = this.#head;
      do at--;
      while (this.#isContinuation(this.#bytes[at & MASK]) && at !== this.#canonicalHead);
      const erased = this.#bytes[at & MASK];
      if (this.#isContinuation(erased)) break;
      if (isWord) {
        if (isWordCharacter(erased)) seenWord = true;
        else if (seenWord) break;
      }
      const count = this.#head - at;
      this.#head = at;
      if (this.#lflag(ECHO)) this.#echoErased(erased, at, count, isErase);
      if (isErase) break;
    }
    if (this.#head === this.#canonicalHead && this.#lflag(ECHO)) this.#finishErasing();
  }

  /** KILL without visible erasure. False: it is to be shown character by character. */
  #killPlainly(): boolean {
    if (!this.#lflag(ECHO)) {
      this.#head = this.#canonicalHead;
      return true;
    }
    if (this.#lflag(ECHOK) && this.#lflag(ECHOKE) && this.#lflag(ECHOE)) return false;
    this.#head = this.#canonicalHead;
    this.#finishErasing();
    this.#echo(this.#owner.termios.cc[VKILL]);
    if (this.#lflag(ECHOK)) this.#output.echo(NEWLINE);
    return true;
  }

  #echoErased(c: number, at: number, count: number, isErase: boolean): void {
    if (this.#lflag(ECHOPRT)) {
      if (!this.#erasing) {
        this.#output.echo(BACKSLASH);
        this.#erasing = true;
      }
      this.#echo(c);
      for (let i = 1; i < count; i++) this.#output.echoUncounted(this.#bytes[(at + i) & MASK]);
      return;
    }
    if (isErase && !this.#lflag(ECHOE)) {
      this.#echo(this.#owner.termios.cc[VERASE]);
      return;
    }
    if (c === TAB) {
      this.#echoErasedTab();
      return;
    }
    if (isControl(c) && this.#lflag(ECHOCTL)) this.#rubOut();
    if (!isControl(c) || this.#lflag(ECHOCTL)) this.#rubOut();
  }

  #rubOut(): void {
    this.#output.echo(BACKSPACE);
    this.#output.echo(SPACE);
    this.#output.echo(BACKSPACE);
  }

  /** How far a tab had moved the cursor depends on what stands before it, back to another tab or the begin of the line. */
  #echoErasedTab(): void {
    let columns = 0;
    let afterTab = false;
    for (let at = this.#head - 1; at >= this.#canonicalHead; at--) {
      const c = this.#bytes[at & MASK];
      if (c === TAB) {
        afterTab = true;
        break;
      }
      if (isControl(c)) {
        if (this.#lflag(ECHOCTL)) columns += 2;
      } else if (!this.#isContinuation(c)) columns++;
    }
    this.#output.echoErasedTab(columns, afterTab);
  }

  // -- Modes.

  /** The modes have changed from `old` (null: they are set for the first time). */
  termiosChanged(old: Termios | null): void {
    const { termios } = this.#owner;
    if (old === null || ((old.lflag ^ termios.lflag) & (ICANON | EXTPROC)) !== 0) this.#changeMode();
    this.#classify(termios);
    if (old !== null && !this.#iflag(IXON) && (old.iflag & IXON) !== 0) this.#owner.start();
  }

  /** Between canonical and raw: what is there already becomes one readable piece, or raw bytes. */
  #changeMode(): void {
    this.#ends.fill(0);
    if (!this.#lflag(ICANON) || this.#head === this.#tail) this.#canonicalHead = this.#tail;
    else {
      this.#ends[(this.#head - 1) & MASK] = 1;
      this.#canonicalHead = this.#head;
    }
    this.#erasing = false;
    this.#literal = false;
  }

  #classify(termios: Termios): void {
    const { iflag, lflag, cc } = termios;
    const special = this.#special;
    special.fill(0);
    this.#raw = (iflag & (ISTRIP | IUCLC | IGNCR | ICRNL | INLCR | IXON | PARMRK)) === 0 && (lflag & (ICANON | ISIG | ECHO)) === 0;
    const mark = (...indexes: number[]): void => {
      for (const index of indexes) special[cc[index]] = 1;
    };
    if ((iflag & (IGNCR | ICRNL)) !== 0) special[RETURN] = 1;
    if ((iflag & INLCR) !== 0) special[NEWLINE] = 1;
    if ((lflag & ICANON) !== 0) {
      special[NEWLINE] = 1;
      mark(VERASE, VKILL, VEOF, VEOL);
      if ((lflag & IEXTEN) !== 0) {
        mark(VWERASE, VLNEXT, VEOL2);
        if ((lflag & ECHO) !== 0) mark(VREPRINT);
      }
    }
    if ((iflag & IXON) !== 0) mark(VSTART, VSTOP);
    if ((lflag & ISIG) !== 0) mark(VINTR, VQUIT, VSUSP);
    special[DISABLED] = 0;
  }
}

function isControl(c: number): boolean {
  return c < 32 || c === 127;
}
/** Letters and digits of ISO 8859-1, as the kernel's ctype has them, and the underscore. */
function isWordCharacter(c: number): boolean {
  return (c >= 48 && c <= 57) || (c >= 65 && c <= 90) || (c >= 97 && c <= 122) || c === 95 || (c >= 0xc0 && c !== 0xd7 && c !== 0xf7);
}
function toLower(c: number): number {
  return (c >= 65 && c <= 90) || (c >= 0xc0 && c <= 0xde && c !== 0xd7) ? c + 32 : c;
}
