import { CLD_CONTINUED, CLD_EXITED, CLD_KILLED, CLD_STOPPED, SI_KERNEL, SI_TKILL, SI_USER } from '@sbx/abi';

const TWO_32 = 2 ** 32;
/** Words of siginfo_t that Linux uses; the rest of its 128 bytes is zero. */
const WORDS = 12;
export const SIGINFO_SIZE = 128;

/**
 * A queued signal: the first 48 bytes of `siginfo_t`, as they will lie in guest memory (sigaction(2)). Words: 0 si_signo, 1 si_errno, 2 si_code; the union
 * begins at word 4. Immutable once queued.
 *
 * @example
 * import { SI_USER, SIGTERM } from '@sbx/abi';
 * import { SignalInfo } from '@sbx/kernel';
 *
 * const info = SignalInfo.user(SIGTERM, 42, 1000);
 * info.signo; // 15
 * info.code === SI_USER; // true
 * info.pid; // 42
 * const bytes = new Uint8Array(128);
 * info.encode(bytes, 0);
 * bytes[16]; // 42: si_pid
 */
export class SignalInfo {
  /** The 48 bytes as 32-bit words. */
  readonly words = new Int32Array(WORDS);

  constructor(signo: number, code: number) {
    this.words[0] = signo;
    this.words[2] = code;
  }

  /** si_signo. */
  get signo(): number {
    return this.words[0];
  }
  /** si_code. */
  get code(): number {
    return this.words[2];
  }
  /** si_pid, of a form that has it. */
  get pid(): number {
    return this.words[4];
  }
  /** si_uid, of a form that has it. */
  get uid(): number {
    return this.words[5] >>> 0;
  }

  /** Sent by the kernel itself. */
  static kernel(signo: number): SignalInfo {
    return new SignalInfo(signo, SI_KERNEL);
  }
  /** Sent by kill(2) (SI_USER) or tgkill(2) (SI_TKILL). */
  static user(signo: number, pid: number, uid: number, byThread = false): SignalInfo {
    const info = new SignalInfo(signo, byThread ? SI_TKILL : SI_USER);
    info.words[4] = pid;
    info.words[5] = uid;
    return info;
  }
  /** A fault at an address given as halves. */
  static fault(signo: number, code: number, low: number, high: number): SignalInfo {
    const info = new SignalInfo(signo, code);
    info.words[4] = low;
    info.words[5] = high;
    return info;
  }
  /** SIGCHLD (or another exit signal) for a child with wait status `status`. Times are nanoseconds; siginfo counts clock ticks of 10 ms. */
  static child(signo: number, pid: number, uid: number, status: number, userTime: number, systemTime: number): SignalInfo {
    const info = new SignalInfo(signo, 0);
    childStatus(info.words, status);
    info.words[4] = pid;
    info.words[5] = uid;
    put64(info.words, 8, Math.floor(userTime / 1e7));
    put64(info.words, 10, Math.floor(systemTime / 1e7));
    return info;
  }
  /** A timer's expiry (SI_TIMER): id, overruns, the value given to timer_create as halves. */
  static timer(signo: number, code: number, id: number, overrun: number, valueLow: number, valueHigh: number): SignalInfo {
    const info = new SignalInfo(signo, code);
    info.words[4] = id;
    info.words[5] = overrun;
    info.words[6] = valueLow;
    info.words[7] = valueHigh;
    return info;
  }
  /** Readiness of a descriptor (F_SETSIG). */
  static io(signo: number, code: number, band: number, fd: number): SignalInfo {
    const info = new SignalInfo(signo, code);
    put64(info.words, 4, band);
    info.words[6] = fd;
    return info;
  }
  /** What a program passed to rt_sigqueueinfo: `bytes` is its siginfo_t. */
  static raw(signo: number, bytes: Uint8Array): SignalInfo {
    const info = new SignalInfo(signo, 0);
    new Uint8Array(info.words.buffer).set(bytes.subarray(0, WORDS * 4));
    info.words[0] = signo;
    return info;
  }

  /** Writes the siginfo_t: SIGINFO_SIZE bytes at `offset`. */
  encode(bytes: Uint8Array, offset: number): void {
    bytes.fill(0, offset, offset + SIGINFO_SIZE);
    bytes.set(new Uint8Array(this.words.buffer), offset);
  }
}

function put64(words: Int32Array, index: number, value: number): void {
  words[index] = (value % TWO_32) | 0;
  words[index + 1] = Math.floor(value / TWO_32);
}

/** Fills si_code and si_status from a wait status. */
function childStatus(words: Int32Array, status: number): void {
  if (status === 0xffff) {
    words[2] = CLD_CONTINUED;
    words[6] = 18;
  } else if ((status & 0xff) === 0x7f) {
    words[2] = CLD_STOPPED;
    words[6] = (status >> 8) & 0xff;
  } else if ((status & 0x7f) === 0) {
    words[2] = CLD_EXITED;
    words[6] = (status >> 8) & 0xff;
  } else {
    words[2] = CLD_KILLED;
    words[6] = status & 0x7f;
  }
}
