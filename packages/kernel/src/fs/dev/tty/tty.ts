import {
  CREAD,
  CS8,
  CSIZE,
  EIO,
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLRDNORM,
  EPOLLWRNORM,
  EXTPROC,
  IXON,
  PARENB,
  SIGCONT,
  SIGHUP,
  SIGTTIN,
  SIGWINCH,
  TIOCPKT_DOSTOP,
  TIOCPKT_FLUSHREAD,
  TIOCPKT_FLUSHWRITE,
  TIOCPKT_IOCTL,
  TIOCPKT_NOSTOP,
  TIOCPKT_START,
  TIOCPKT_STOP,
  VSTART,
  VSTOP,
} from '@sbx/abi';
import type { Kernel } from '../../../kernel.js';
import { sendToGroup, sendToProcessGroup } from '../../../signal/send.js';
import { SignalInfo } from '../../../signal/signal-info.js';
import { highBit, lowBit } from '../../../signal/signal-set.js';
import type { ControllingTerminal, Session } from '../../../task/process-group.js';
import type { Task } from '../../../task/task.js';
import type { ThreadGroup } from '../../../task/thread-group.js';
import { ERESTARTSYS } from '../../../wait/restart.js';
import { WaitQueue } from '../../../wait/wait-queue.js';
import type { ByteRing } from './byte-ring.js';
import { LineDiscipline, type LineOwner } from './line-discipline.js';
import { Termios } from './termios.js';

const READABLE = EPOLLIN | EPOLLRDNORM;
const WRITABLE = EPOLLOUT | EPOLLWRNORM;
/** Every event: whoever waits for anything looks again. */
const EVERYTHING = READABLE | WRITABLE | EPOLLHUP | EPOLLERR;

/** The size of a window, in characters and (as far as anybody knows) pixels. */
export interface WindowSize {
  rows: number;
  columns: number;
  xPixels: number;
  yPixels: number;
}

/** The other end of a terminal's line: the master of a pseudo terminal. */
export interface TtyLine {
  /** From the terminal to the other end. */
  readonly output: ByteRing;
  /** From the other end, not yet taken by the line discipline. */
  readonly input: ByteRing;
  /** Packet mode is on: changes are reported as TIOCPKT_* bits. */
  readonly packet: boolean;
  reportPacket(set: number, clear: number): void;
  /** Bytes were added to `output`. */
  outputAdded(): void;
  /** Bytes were taken from `input`. */
  inputTaken(): void;
  /** `output` is cut down to what the other end has taken up already. */
  discardOutput(): void;
  /** No description of the terminal is open any more; or one is again. */
  openChanged(open: boolean): void;
  /** The other end is gone. */
  readonly closed: boolean;
}

/** Somebody who has the terminal open. */
export interface TtyUser {
  /** Called at a hang-up: the description is dead from now on. */
  hangUp(): void;
}

/**
 * A terminal as programs see it: modes, line discipline, job control (tty_ioctl(4), credentials(7)). It is the slave end of a pseudo terminal; there are no
 * others in a sandbox.
 */
export class Tty implements ControllingTerminal, LineOwner {
  readonly termios = new Termios();
  /** Which bits of the modes may not change (TIOCSLCKTRMIOS). */
  readonly locked = Termios.empty();
  readonly discipline: LineDiscipline;
  readonly waitQueue = new WaitQueue();
  readonly window: WindowSize = { rows: 0, columns: 0, xPixels: 0, yPixels: 0 };
  session: Session | null = null;
  foreground = 0;
  /** TIOCEXCL: nobody else may open it. */
  exclusive = false;
  /** Stopped by the STOP character; by tcflow(TCOOFF), which only tcflow takes back. */
  stopped = false;
  flowStopped = false;
  readonly #users = new Set<TtyUser>();

  /** @param device - its device number (device-number.ts) */
  constructor(
    readonly kernel: Kernel,
    readonly device: number,
    readonly index: number,
    readonly line: TtyLine,
  ) {
    this.discipline = new LineDiscipline(this);
  }

  // -- For the line discipline.

  get output(): ByteRing {
    return this.line.output;
  }
  get outputRoom(): number {
    return this.stopped ? 0 : this.line.output.free;
  }
  outputAdded(): void {
    this.line.outputAdded();
  }
  signal(signo: number): void {
    this.signalForeground(signo);
  }
  discardOutput(): void {
    this.line.discardOutput();
    if (this.line.packet) this.line.reportPacket(TIOCPKT_FLUSHREAD | TIOCPKT_FLUSHWRITE, 0);
  }
  readable(): void {
    this.waitQueue.wake(READABLE);
  }
  stop(): void {
    if (this.stopped) return;
    this.stopped = true;
    if (this.line.packet) this.line.reportPacket(TIOCPKT_STOP, TIOCPKT_START);
  }
  start(): void {
    if (!this.stopped || this.flowStopped) return;
    this.stopped = false;
    if (this.line.packet) this.line.reportPacket(TIOCPKT_START, TIOCPKT_STOP);
    this.outputTaken();
  }

  // -- For the line.

  /** The other end has sent something, or the input has room again. */
  inputAdded(): void {
    const before = this.line.input.length;
    this.discipline.receive(this.line.input);
    if (this.line.input.length < before) this.line.inputTaken();
  }
  /** The other end has taken output: echoes and writers go on. */
  outputTaken(): void {
    this.discipline.flushEchoes();
    if (this.outputRoom > 0) this.waitQueue.wake(WRITABLE);
  }
  /** Changes the modes. A pseudo terminal always has eight bits and no parity. */
  setModes(wanted: Termios): void {
    const old = new Termios();
    old.copyFrom(this.termios);
    this.termios.copyFrom(wanted);
    this.termios.keepLocked(old, this.locked);
    if (this.line.packet) this.#reportModes(old);
    this.termios.cflag = ((this.termios.cflag & ~(CSIZE | PARENB)) | CS8 | CREAD) >>> 0;
    this.discipline.termiosChanged(old);
    this.waitQueue.wake(READABLE | WRITABLE);
    this.inputAdded();
  }
  /** In packet mode the other end learns whether ^S and ^Q are flow control, and of any change with EXTPROC. */
  #reportModes(old: Termios): void {
    const before = usesFlowControl(old);
    const now = usesFlowControl(this.termios);
    if (before !== now) this.line.reportPacket(now ? TIOCPKT_DOSTOP : TIOCPKT_NOSTOP, TIOCPKT_DOSTOP | TIOCPKT_NOSTOP);
    if (((old.lflag | this.termios.lflag) & EXTPROC) !== 0) this.line.reportPacket(TIOCPKT_IOCTL, 0);
  }
  /** Sends a flow-control character to the other end, even while output is stopped. */
  sendCharacter(c: number): void {
    if (this.output.free === 0) return;
    this.output.push(c);
    this.outputAdded();
  }

  // -- Descriptions.

  get isOpen(): boolean {
    return this.#users.size > 0;
  }
  opened(user: TtyUser): void {
    this.#users.add(user);
    if (this.#users.size === 1) this.line.openChanged(true);
  }
  closed(user: TtyUser): void {
    if (this.#users.delete(user) && this.#users.size === 0) this.line.openChanged(false);
  }

  // -- Window.

  /** Sets the window size; a change is told to the foreground group. */
  resize(size: Readonly<WindowSize>): void {
    const { window } = this;
    const same =
      window.rows === size.rows && window.columns === size.columns && window.xPixels === size.xPixels && window.yPixels === size.yPixels;
    if (same) return;
    Object.assign(window, size);
    this.signalForeground(SIGWINCH);
  }

  // -- Job control.

  /** Signals the foreground process group, if there is one. */
  signalForeground(signo: number): void {
    const group = this.kernel.processGroups.get(this.foreground);
    if (group !== undefined) sendToProcessGroup(group, signo);
  }

  /** Becomes the controlling terminal of a session, with `foreground` as its foreground process group. */
  attach(session: Session, foreground: number): void {
    session.terminal = this;
    session.previousForeground = 0;
    this.session = session;
    this.foreground = foreground;
  }
  /** No session has it as its controlling terminal any more. */
  #detach(): void {
    if (this.session !== null) this.session.terminal = null;
    this.session = null;
    this.foreground = 0;
  }

  leaderExits(): void {
    this.signalForeground(SIGHUP);
    this.#detach();
  }
  /** TIOCNOTTY by the session leader: as its exit, but the foreground group is continued too. */
  abandon(): void {
    const group = this.kernel.processGroups.get(this.foreground);
    if (group !== undefined) {
      sendToProcessGroup(group, SIGHUP);
      sendToProcessGroup(group, SIGCONT);
    }
    this.#detach();
  }
  /** Another session takes it away (TIOCSCTTY with argument 1). */
  steal(): void {
    this.#detach();
  }

  /** The line is cut (the master closes; vhangup): every description is dead, and the session leader is told. */
  hangUp(): void {
    for (const user of [...this.#users]) user.hangUp();
    this.#users.clear();
    this.line.openChanged(false);
    this.discipline.flushInput();
    const old = new Termios();
    old.copyFrom(this.termios);
    this.termios.copyFrom(new Termios());
    this.discipline.termiosChanged(old);
    this.stopped = this.flowStopped = false;
    const { session } = this;
    if (session !== null) {
      const foreground = this.foreground;
      this.#detach();
      session.previousForeground = foreground;
      const leader = this.kernel.processes.get(session.id);
      if (leader !== undefined && !leader.isZombie) {
        sendToGroup(leader, SignalInfo.kernel(SIGHUP));
        sendToGroup(leader, SignalInfo.kernel(SIGCONT));
      }
    }
    this.waitQueue.wake(EVERYTHING);
  }

  /** Wakes whoever waits for anything: the state has changed at large. */
  wakeAll(): void {
    this.waitQueue.wake(EVERYTHING);
  }

  /**
   * Whether `task` may do what background processes may not (tty_check_change): 0; -EIO; or -ERESTARTSYS after its process group was sent `signo`
   * (SIGTTIN, SIGTTOU).
   */
  checkBackground(task: Task, signo: number): number {
    const { threadGroup: group } = task;
    if (terminalOf(group) !== this || this.foreground === 0 || group.processGroup.id === this.foreground) return 0;
    if (isBlockedOrIgnored(task, signo)) return signo === SIGTTIN ? -EIO : 0;
    if (group.processGroup.isOrphaned) return -EIO;
    sendToProcessGroup(group.processGroup, signo);
    return -ERESTARTSYS;
  }
}

/** The controlling terminal of a process, or null. */
export function terminalOf(group: ThreadGroup): Tty | null {
  return group.leftTerminal ? null : (group.session.terminal as Tty | null);
}

const XON = 17;
const XOFF = 19;
function usesFlowControl(termios: Termios): boolean {
  return (termios.iflag & IXON) !== 0 && termios.cc[VSTOP] === XOFF && termios.cc[VSTART] === XON;
}

function isBlockedOrIgnored(task: Task, signo: number): boolean {
  const { signals } = task;
  const blocked = (signals.blockedLow & lowBit(signo)) | (signals.blockedHigh & highBit(signo));
  return blocked !== 0 || task.threadGroup.signals.actions.isIgnore(signo);
}
