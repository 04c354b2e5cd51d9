import {
  B0,
  B38400,
  BOTHER,
  CBAUD,
  CREAD,
  CS8,
  ECHO,
  ECHOCTL,
  ECHOE,
  ECHOK,
  ECHOKE,
  IBSHIFT,
  ICANON,
  ICRNL,
  IEXTEN,
  ISIG,
  IXON,
  NCC,
  NCCS,
  ONLCR,
  OPOST,
  VDISCARD,
  VEOF,
  VERASE,
  VINTR,
  VKILL,
  VLNEXT,
  VMIN,
  VQUIT,
  VREPRINT,
  VSTART,
  VSTOP,
  VSUSP,
  VWERASE,
} from '@sbx/abi';

/** Sizes of `struct termio`, `struct termios` and `struct termios2` as the kernel has them (asm-generic/termbits.h). */
export const TERMIO_SIZE = 18;
export const TERMIOS_SIZE = 36;
export const TERMIOS2_SIZE = 44;
/** A control character that is switched off (_POSIX_VDISABLE). */
export const DISABLED = 0;

/** Bits per second of B0 to B38400, and of the codes with CBAUDEX. */
const SLOW_RATES = [0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400];
const FAST_RATES = [
  57600, 115200, 230400, 460800, 500000, 576000, 921600, 1000000, 1152000, 1500000, 2000000, 2500000, 3000000, 3500000, 4000000,
];

/** The modes of a terminal (termios(3)). The flag words are unsigned. */
export class Termios {
  iflag = ICRNL | IXON;
  oflag = OPOST | ONLCR;
  cflag = B38400 | CS8 | CREAD;
  lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN;
  line = 0;
  /** Control characters by V* index. */
  readonly cc = new Uint8Array(NCCS);
  ispeed = 38400;
  ospeed = 38400;

  constructor() {
    this.#setDefaultCharacters();
  }

  #setDefaultCharacters(): void {
    const { cc } = this;
    cc.fill(DISABLED);
    cc[VINTR] = 3; // ^C
    cc[VQUIT] = 28; // ^\
    cc[VERASE] = 127;
    cc[VKILL] = 21; // ^U
    cc[VEOF] = 4; // ^D
    cc[VMIN] = 1;
    cc[VSTART] = 17; // ^Q
    cc[VSTOP] = 19; // ^S
    cc[VSUSP] = 26; // ^Z
    cc[VREPRINT] = 18; // ^R
    cc[VDISCARD] = 15; // ^O
    cc[VWERASE] = 23; // ^W
    cc[VLNEXT] = 22; // ^V
  }

  copyFrom(other: Termios): void {
    this.iflag = other.iflag;
    this.oflag = other.oflag;
    this.cflag = other.cflag;
    this.lflag = other.lflag;
    this.line = other.line;
    this.cc.set(other.cc);
    this.ispeed = other.ispeed;
    this.ospeed = other.ospeed;
  }

  /** Writes a termios or termios2 (by `size`) to the head of `view`. */
  encode(view: DataView, size: number): void {
    view.setUint32(0, this.iflag, true);
    view.setUint32(4, this.oflag, true);
    view.setUint32(8, this.cflag, true);
    view.setUint32(12, this.lflag, true);
    view.setUint8(16, this.line);
    for (let i = 0; i < NCCS; i++) view.setUint8(17 + i, this.cc[i]);
    if (size < TERMIOS2_SIZE) return;
    view.setUint32(36, this.ispeed, true);
    view.setUint32(40, this.ospeed, true);
  }
  decode(view: DataView, size: number): void {
    this.iflag = view.getUint32(0, true);
    this.oflag = view.getUint32(4, true);
    this.cflag = view.getUint32(8, true);
    this.lflag = view.getUint32(12, true);
    this.line = view.getUint8(16);
    for (let i = 0; i < NCCS; i++) this.cc[i] = view.getUint8(17 + i);
    if (size >= TERMIOS2_SIZE) {
      this.ispeed = view.getUint32(36, true);
      this.ospeed = view.getUint32(40, true);
    }
    this.#speedsFromCodes();
  }

  /** Writes a `struct termio` (TCGETA). */
  encodeOld(view: DataView): void {
    view.setUint16(0, this.iflag & 0xffff, true);
    view.setUint16(2, this.oflag & 0xffff, true);
    view.setUint16(4, this.cflag & 0xffff, true);
    view.setUint16(6, this.lflag & 0xffff, true);
    view.setUint8(8, this.line);
    for (let i = 0; i < NCC; i++) view.setUint8(9 + i, this.cc[i]);
    view.setUint8(17, 0);
  }
  /** Takes the low halves of the flags, and the characters, that a `struct termio` has. */
  decodeOld(view: DataView): void {
    this.iflag = replaceLow(this.iflag, view.getUint16(0, true));
    this.oflag = replaceLow(this.oflag, view.getUint16(2, true));
    this.cflag = replaceLow(this.cflag, view.getUint16(4, true));
    this.lflag = replaceLow(this.lflag, view.getUint16(6, true));
    this.line = view.getUint8(8);
    for (let i = 0; i < NCC; i++) this.cc[i] = view.getUint8(9 + i);
    this.#speedsFromCodes();
  }

  /** The speeds that the codes in `cflag` name; BOTHER leaves what was given as a number. */
  #speedsFromCodes(): void {
    const output = this.cflag & CBAUD;
    if (output !== BOTHER) this.ospeed = rate(output);
    const input = (this.cflag >>> IBSHIFT) & CBAUD;
    if (input === B0) this.ispeed = this.ospeed;
    else if (input !== BOTHER) this.ispeed = rate(input);
  }

  /** Keeps from `old` what `locked` (a mask in each field) forbids to change (TIOCSLCKTRMIOS). */
  keepLocked(old: Termios, locked: Termios): void {
    this.iflag = keep(old.iflag, this.iflag, locked.iflag);
    this.oflag = keep(old.oflag, this.oflag, locked.oflag);
    this.cflag = keep(old.cflag, this.cflag, locked.cflag);
    this.lflag = keep(old.lflag, this.lflag, locked.lflag);
    if (locked.line !== 0) this.line = old.line;
    for (let i = 0; i < NCCS; i++) if (locked.cc[i] !== 0) this.cc[i] = old.cc[i];
  }

  /** Modes with nothing set: the lock mask of a new terminal. */
  static empty(): Termios {
    const termios = new Termios();
    termios.iflag = termios.oflag = termios.cflag = termios.lflag = 0;
    termios.cc.fill(0);
    termios.ispeed = termios.ospeed = 0;
    return termios;
  }
}

function replaceLow(word: number, low: number): number {
  return ((word & 0xffff0000) | low) >>> 0;
}
function keep(old: number, next: number, mask: number): number {
  return ((old & mask) | (next & ~mask)) >>> 0;
}
function rate(code: number): number {
  if (code < SLOW_RATES.length) return SLOW_RATES[code];
  return FAST_RATES[(code & 0xf) - 1] ?? 0;
}
