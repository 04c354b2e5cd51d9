import {
  BRKINT,
  CS8,
  CSIZE,
  ECHO,
  ECHONL,
  F_DUPFD_CLOEXEC,
  ICANON,
  ICRNL,
  IEXTEN,
  IGNBRK,
  IGNCR,
  INLCR,
  ISIG,
  ISTRIP,
  IXON,
  OPOST,
  PARENB,
  PARMRK,
  TCGETS,
  TCSETS,
  TCSETSW,
  Termios,
  TIOCGWINSZ,
  VMIN,
  VTIME,
  Winsize,
} from '@sbx/abi';
import { hostAddress, hostBytes, hostCall, hostNumber } from '@sbx/kernel';
import type { TerminalSize } from '../protocol/messages.js';

const SYS_IOCTL = hostNumber('ioctl');
const SYS_FCNTL = hostNumber('fcntl');
/** What programs that ask for no size get. */
const DEFAULT_SIZE: TerminalSize = { columns: 80, rows: 24 };

/** The caller's terminal: its modes and its size. The launcher puts the modes back as well, for when this process is killed. */
export class HostTerminal {
  /** The modes at the start. */
  readonly #modes: Uint8Array;

  private constructor(
    readonly fd: number,
    modes: Uint8Array,
  ) {
    this.#modes = modes;
  }

  /** The terminal that one of the descriptors 0, 1 and 2 is, or null. Keeps a descriptor of its own. */
  static find(): HostTerminal | null {
    for (const fd of [0, 1, 2]) {
      if (hostCall(SYS_IOCTL, fd, TCGETS, hostAddress) !== 0) continue;
      const modes = hostBytes.slice(0, Termios.size);
      return new HostTerminal(hostCall(SYS_FCNTL, fd, F_DUPFD_CLOEXEC, 3), modes);
    }
    return null;
  }

  /** Raw, as cfmakeraw(3): every key goes to the program's own terminal, which makes signals and echoes of them. */
  makeRaw(): void {
    const modes = Termios.read(new DataView(this.#modes.slice().buffer), 0, Termios.create());
    modes.c_iflag &= ~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    modes.c_oflag &= ~OPOST;
    modes.c_lflag &= ~(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
    modes.c_cflag = (modes.c_cflag & ~(CSIZE | PARENB)) | CS8;
    modes.c_cc[VMIN] = 1;
    modes.c_cc[VTIME] = 0;
    const bytes = new Uint8Array(Termios.size);
    Termios.write(new DataView(bytes.buffer), 0, modes);
    hostBytes.set(bytes);
    hostCall(SYS_IOCTL, this.fd, TCSETSW, hostAddress);
  }

  restore(): void {
    hostBytes.set(this.#modes);
    hostCall(SYS_IOCTL, this.fd, TCSETS, hostAddress);
  }

  get size(): TerminalSize {
    if (hostCall(SYS_IOCTL, this.fd, TIOCGWINSZ, hostAddress) !== 0) return DEFAULT_SIZE;
    const { ws_col: columns, ws_row: rows } = Winsize.read(new DataView(hostBytes.buffer), 0, Winsize.create());
    return columns > 0 && rows > 0 ? { columns, rows } : DEFAULT_SIZE;
  }
}
