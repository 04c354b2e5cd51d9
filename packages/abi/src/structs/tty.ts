/** Terminals: the kernel's `termios`, which is not libc's. */
import { bytes, struct } from '../codec/composite.js';
import { u8, u16, u32 } from '../codec/scalar.js';

/** TCGETS, TCSETS. */
export const Termios = struct('struct termios', { c_iflag: u32, c_oflag: u32, c_cflag: u32, c_lflag: u32, c_line: u8, c_cc: bytes(19) });
/** TCGETS2, TCSETS2. */
export const Termios2 = struct('struct termios2', {
  c_iflag: u32,
  c_oflag: u32,
  c_cflag: u32,
  c_lflag: u32,
  c_line: u8,
  c_cc: bytes(19),
  c_ispeed: u32,
  c_ospeed: u32,
});
/** TCGETA: the System V form. */
export const Termio = struct('struct termio', { c_iflag: u16, c_oflag: u16, c_cflag: u16, c_lflag: u16, c_line: u8, c_cc: bytes(8) });
/** TIOCGWINSZ, TIOCSWINSZ. */
export const Winsize = struct('struct winsize', { ws_row: u16, ws_col: u16, ws_xpixel: u16, ws_ypixel: u16 });
