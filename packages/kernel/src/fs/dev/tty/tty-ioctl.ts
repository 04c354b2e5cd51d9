import {
  CAP_SYS_ADMIN,
  CLOCAL,
  EFAULT,
  EINVAL,
  EIO,
  ENOTTY,
  EPERM,
  ESRCH,
  FIONREAD,
  N_TTY,
  SIGTTOU,
  TCFLSH,
  TCGETA,
  TCGETS,
  TCGETS2,
  TCIFLUSH,
  TCIOFF,
  TCIOFLUSH,
  TCION,
  TCOFLUSH,
  TCOOFF,
  TCOON,
  TCSBRK,
  TCSBRKP,
  TCSETA,
  TCSETAF,
  TCSETAW,
  TCSETS,
  TCSETS2,
  TCSETSF,
  TCSETSF2,
  TCSETSW,
  TCSETSW2,
  TCXONC,
  TIOCCBRK,
  TIOCCONS,
  TIOCEXCL,
  TIOCGDEV,
  TIOCGETD,
  TIOCGEXCL,
  TIOCGLCKTRMIOS,
  TIOCGPGRP,
  TIOCGSID,
  TIOCGSOFTCAR,
  TIOCGWINSZ,
  TIOCNOTTY,
  TIOCNXCL,
  TIOCOUTQ,
  TIOCPKT_FLUSHREAD,
  TIOCPKT_FLUSHWRITE,
  TIOCSBRK,
  TIOCSCTTY,
  TIOCSETD,
  TIOCSLCKTRMIOS,
  TIOCSPGRP,
  TIOCSSOFTCAR,
  TIOCSTI,
  TIOCSWINSZ,
  TIOCVHANGUP,
  VSTART,
  VSTOP,
} from '@sbx/abi';
import type { Task } from '../../../task/task.js';
import type { FileDescription } from '../../../vfs/file-description.js';
import { DISABLED, TERMIO_SIZE, TERMIOS_SIZE, TERMIOS2_SIZE, Termios } from './termios.js';
import { type Tty, terminalOf } from './tty.js';

const scratch = new Uint8Array(TERMIOS2_SIZE);
const view = new DataView(scratch.buffer);
const wanted = new Termios();
const WINSIZE_SIZE = 8;

/** The ioctls that a terminal and a pseudo terminal's master have in common (tty_ioctl(4)); on the master they mean the terminal. */
export function commonIoctl(task: Task, tty: Tty, isMaster: boolean, command: number, argument: number): number {
  switch (command) {
    case TIOCGWINSZ:
      return getWindow(task, tty, argument);
    case TIOCSWINSZ:
      return setWindow(task, tty, argument);
    case TIOCGPGRP:
      if (!isMaster && terminalOf(task.threadGroup) !== tty) return -ENOTTY;
      return task.mm.writeUint32(argument, tty.foreground);
    case TIOCSPGRP:
      return setForeground(task, tty, argument);
    case TIOCGSID:
      if (!isMaster && terminalOf(task.threadGroup) !== tty) return -ENOTTY;
      return tty.session === null ? -ENOTTY : task.mm.writeUint32(argument, tty.session.id);
    case TCGETS:
      return getModes(task, tty.termios, TERMIOS_SIZE, argument);
    case TCGETS2:
      return getModes(task, tty.termios, TERMIOS2_SIZE, argument);
    case TCGETA:
      tty.termios.encodeOld(view);
      return copyOut(task, argument, TERMIO_SIZE);
    case TCSETS:
    case TCSETSW:
    case TCSETSF:
      return setModes(task, tty, TERMIOS_SIZE, command === TCSETSF, argument);
    case TCSETS2:
    case TCSETSW2:
    case TCSETSF2:
      return setModes(task, tty, TERMIOS2_SIZE, command === TCSETSF2, argument);
    case TCSETA:
    case TCSETAW:
    case TCSETAF:
      return setModes(task, tty, TERMIO_SIZE, command === TCSETAF, argument);
    case TIOCGLCKTRMIOS:
      return getModes(task, tty.locked, TERMIOS_SIZE, argument);
    case TIOCSLCKTRMIOS:
      if (!task.credentials.capable(CAP_SYS_ADMIN)) return -EPERM;
      if (task.mm.copyIn(argument, scratch, TERMIOS_SIZE) !== TERMIOS_SIZE) return -EFAULT;
      tty.locked.decode(view, TERMIOS_SIZE);
      return 0;
    case TIOCGSOFTCAR:
      return task.mm.writeUint32(argument, (tty.termios.cflag & CLOCAL) === 0 ? 0 : 1);
    case TIOCSSOFTCAR: {
      const on = task.mm.readUint32(argument);
      if (on < 0) return -EFAULT;
      tty.termios.cflag = on === 0 ? (tty.termios.cflag & ~CLOCAL) >>> 0 : (tty.termios.cflag | CLOCAL) >>> 0;
      return 0;
    }
    case TIOCGDEV:
      return task.mm.writeUint32(argument, tty.device);
    case TIOCGETD:
      return task.mm.writeUint32(argument, N_TTY);
    default:
      return -ENOTTY;
  }
}

/** ioctl(2) on an open terminal. */
export function ttyIoctl(task: Task, tty: Tty, file: FileDescription, command: number, argument: number): number {
  switch (command) {
    case TIOCSETD:
    case TIOCSBRK:
    case TIOCCBRK:
    case TCSBRK:
    case TCSBRKP: {
      // Breaks have no meaning on a pseudo terminal, but the rules for background processes do.
      const allowed = tty.checkBackground(task, SIGTTOU);
      return allowed < 0 || command !== TIOCSETD ? allowed : setDiscipline(task, argument);
    }
    case TIOCSTI:
      return simulateInput(task, tty, argument);
    case TIOCSCTTY:
      return setControlling(task, tty, file.readable, argument);
    case TIOCNOTTY:
      return giveUpTerminal(task, tty);
    case TIOCCONS:
      return -EPERM;
    case TIOCEXCL:
      tty.exclusive = true;
      return 0;
    case TIOCNXCL:
      tty.exclusive = false;
      return 0;
    case TIOCGEXCL:
      return task.mm.writeUint32(argument, tty.exclusive ? 1 : 0);
    case TIOCVHANGUP:
      if (!task.credentials.capable(CAP_SYS_ADMIN)) return -EPERM;
      tty.hangUp();
      return 0;
    case TIOCOUTQ:
      return task.mm.writeUint32(argument, 0);
    case FIONREAD:
      return task.mm.writeUint32(argument, tty.discipline.available);
    case TCXONC:
      return flowControl(task, tty, argument);
    case TCFLSH:
      return flush(task, tty, argument);
    default:
      return commonIoctl(task, tty, false, command, argument);
  }
}

function copyOut(task: Task, address: number, size: number): number {
  return task.mm.copyOut(address, scratch, size) === size ? 0 : -EFAULT;
}

function getWindow(task: Task, tty: Tty, address: number): number {
  const { window } = tty;
  view.setUint16(0, window.rows, true);
  view.setUint16(2, window.columns, true);
  view.setUint16(4, window.xPixels, true);
  view.setUint16(6, window.yPixels, true);
  return copyOut(task, address, WINSIZE_SIZE);
}
function setWindow(task: Task, tty: Tty, address: number): number {
  if (task.mm.copyIn(address, scratch, WINSIZE_SIZE) !== WINSIZE_SIZE) return -EFAULT;
  tty.resize({
    rows: view.getUint16(0, true),
    columns: view.getUint16(2, true),
    xPixels: view.getUint16(4, true),
    yPixels: view.getUint16(6, true),
  });
  return 0;
}

function setForeground(task: Task, tty: Tty, address: number): number {
  const { threadGroup: group, kernel } = task;
  const allowed = tty.checkBackground(task, SIGTTOU);
  if (allowed === -EIO) return -ENOTTY;
  if (allowed < 0) return allowed;
  const word = task.mm.readUint32(address);
  if (word < 0) return -EFAULT;
  const id = word | 0;
  if (id < 0) return -EINVAL;
  if (terminalOf(group) !== tty || tty.session !== group.session) return -ENOTTY;
  const session = kernel.processGroups.get(id)?.session ?? kernel.processOf(id)?.session;
  if (session === undefined) return -ESRCH;
  if (session !== group.session) return -EPERM;
  tty.foreground = id;
  return 0;
}

/** TIOCSCTTY. `steal` is its argument: 1 takes the terminal from another session. */
export function setControlling(task: Task, tty: Tty, readable: boolean, steal: number): number {
  const { threadGroup: group } = task;
  const isLeader = group.session.id === group.id;
  if (isLeader && tty.session === group.session) return 0;
  if (!isLeader || terminalOf(group) !== null) return -EPERM;
  if (tty.session !== null) {
    if (steal !== 1 || !task.credentials.capable(CAP_SYS_ADMIN)) return -EPERM;
    tty.steal();
  }
  if (!readable && !task.credentials.capable(CAP_SYS_ADMIN)) return -EPERM;
  group.leftTerminal = false;
  tty.attach(group.session, group.processGroup.id);
  return 0;
}

/** A session leader without a terminal gets the one that it opens (without O_NOCTTY, for reading), if that is free. */
export function openControlling(task: Task, tty: Tty, readable: boolean): void {
  const { threadGroup: group } = task;
  if (group.session.id !== group.id || terminalOf(group) !== null || tty.session !== null || !readable) return;
  group.leftTerminal = false;
  tty.attach(group.session, group.processGroup.id);
}

function giveUpTerminal(task: Task, tty: Tty): number {
  const { threadGroup: group } = task;
  if (terminalOf(group) !== tty) return -ENOTTY;
  if (group.session.id === group.id) tty.abandon();
  else group.leftTerminal = true;
  return 0;
}

function getModes(task: Task, termios: Termios, size: number, address: number): number {
  termios.encode(view, size);
  return copyOut(task, address, size);
}

/** Sets the modes. Output never has to be waited for: it is at the other end already. */
function setModes(task: Task, tty: Tty, size: number, flushInput: boolean, address: number): number {
  const allowed = tty.checkBackground(task, SIGTTOU);
  if (allowed < 0) return allowed;
  if (task.mm.copyIn(address, scratch, size) !== size) return -EFAULT;
  wanted.copyFrom(tty.termios);
  if (size === TERMIO_SIZE) wanted.decodeOld(view);
  else wanted.decode(view, size);
  if (flushInput) tty.discipline.flushInput();
  tty.setModes(wanted);
  return 0;
}

function setDiscipline(task: Task, address: number): number {
  const discipline = task.mm.readUint32(address);
  if (discipline < 0) return -EFAULT;
  return discipline === N_TTY ? 0 : -EINVAL;
}

/** TIOCSTI: as if the byte had been typed. Only ever reaches a terminal of the sandbox. */
function simulateInput(task: Task, tty: Tty, address: number): number {
  if (terminalOf(task.threadGroup) !== tty && !task.credentials.capable(CAP_SYS_ADMIN)) return -EPERM;
  if (task.mm.copyIn(address, scratch, 1) !== 1) return -EFAULT;
  tty.discipline.simulate(scratch[0]);
  return 0;
}

/** tcflow(3). */
function flowControl(task: Task, tty: Tty, action: number): number {
  const allowed = tty.checkBackground(task, SIGTTOU);
  if (allowed < 0) return allowed;
  switch (action) {
    case TCOOFF:
      if (!tty.flowStopped) {
        tty.stop();
        tty.flowStopped = true;
      }
      return 0;
    case TCOON:
      if (tty.flowStopped) {
        tty.flowStopped = false;
        tty.start();
      }
      return 0;
    case TCIOFF:
    case TCION: {
      const c = tty.termios.cc[action === TCIOFF ? VSTOP : VSTART];
      if (c !== DISABLED) tty.sendCharacter(c);
      return 0;
    }
    default:
      return -EINVAL;
  }
}

/** tcflush(3). */
function flush(task: Task, tty: Tty, queue: number): number {
  const allowed = tty.checkBackground(task, SIGTTOU);
  if (allowed < 0) return allowed;
  if (queue !== TCIFLUSH && queue !== TCOFLUSH && queue !== TCIOFLUSH) return -EINVAL;
  if (queue !== TCOFLUSH) {
    tty.line.input.truncate(0);
    tty.discipline.flushInput();
    tty.line.inputTaken();
    if (tty.line.packet) tty.line.reportPacket(TIOCPKT_FLUSHREAD, 0);
  }
  if (queue !== TCIFLUSH) {
    tty.line.discardOutput();
    if (tty.line.packet) tty.line.reportPacket(TIOCPKT_FLUSHWRITE, 0);
  }
  return 0;
}
