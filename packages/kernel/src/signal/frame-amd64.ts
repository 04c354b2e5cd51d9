import { ADDRESS_LIMIT, FLAG_FULL_RESTORE, REG } from '@sbx/platform';
import type { Task } from '../task/task.js';
import { SIGINFO_SIZE, type SignalInfo } from './signal-info.js';

/*
 * The frame that a handler finds on its stack (arch/x86/include/uapi/asm/sigcontext.h, ucontext.h), from low to high addresses:
 *
 *   pretcode (return address: SA_RESTORER's code, which calls rt_sigreturn)
 *   struct ucontext: uc_flags, uc_link, uc_stack, sigcontext (registers), uc_sigmask
 *   siginfo_t
 *   extended state (XSAVE, 64-byte aligned), then FP_XSTATE_MAGIC2
 */
const PRETCODE = 0;
const UC = 8;
const UC_STACK = UC + 16;
const UC_MCONTEXT = UC + 40;
const MC_CS = UC_MCONTEXT + 144;
const MC_SS = UC_MCONTEXT + 150;
const MC_ERR = UC_MCONTEXT + 152;
const MC_TRAPNO = UC_MCONTEXT + 160;
const MC_OLDMASK = UC_MCONTEXT + 168;
const MC_CR2 = UC_MCONTEXT + 176;
const MC_FPSTATE = UC_MCONTEXT + 184;
const UC_SIGMASK = UC_MCONTEXT + 256;
const INFO = UC_SIGMASK + 8;
const FRAME_SIZE = INFO + SIGINFO_SIZE;

/** UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS */
const UC_FLAGS = 7;
const RED_ZONE = 128;
const FXSAVE_SIZE = 512;
const XSAVE_HEADER = 64;
const SW_RESERVED = 464;
const FP_XSTATE_MAGIC1 = 0x46505853;
const FP_XSTATE_MAGIC2 = 0x46505845;
const MXCSR = 24;
const MXCSR_MASK = 0xffff;
const TWO_32 = 2 ** 32;

/** Order of the registers in struct sigcontext. */
const SIGCONTEXT_REGS = [
  REG.r8,
  REG.r9,
  REG.r10,
  REG.r11,
  REG.r12,
  REG.r13,
  REG.r14,
  REG.r15,
  REG.rdi,
  REG.rsi,
  REG.rbp,
  REG.rbx,
  REG.rdx,
  REG.rax,
  REG.rcx,
  REG.rsp,
  REG.rip,
  REG.rflags,
];

/** Flags that a handler starts without: DF, RF, TF. */
const RFLAGS_CLEARED = 0x400 | 0x10000 | 0x100;
/** Flags that sigreturn takes from the frame (FIX_EFLAGS): AC OF DF TF SF ZF AF PF CF RF. */
const RFLAGS_RESTORED = 0x40000 | 0x800 | 0x400 | 0x100 | 0x80 | 0x40 | 0x10 | 0x4 | 0x1 | 0x10000;
const USER_CS = 0x33;
const USER_SS = 0x2b;

const scratch = new Uint8Array(FRAME_SIZE);
const view = new DataView(scratch.buffer);
const fpScratch = new Uint8Array(4096 + 4);
const fpView = new DataView(fpScratch.buffer);

/** Whether the stack pointer is on the task's alternate stack. */
export function onAltStack(task: Task, sp: number): boolean {
  const s = task.signals;
  return s.altStackSize !== 0 && sp > s.altStackAddress && sp - s.altStackAddress <= s.altStackSize;
}

/**
 * Builds the frame for `info` and points the registers at the handler. `maskLow/High` is the mask that sigreturn restores.
 * False: the stack can't take the frame; the caller forces SIGSEGV.
 */
export function pushSignalFrame(task: Task, info: SignalInfo, useAltStack: boolean, maskLow: number, maskHigh: number): boolean {
  const { page, mm, signals } = task;
  const actions = task.threadGroup.signals.actions;
  const signo = info.signo;
  const xstateSize = task.kernel.platform.extendedState.size;

  const userSp = page.reg(REG.rsp);
  const nested = userSp >= 0 && onAltStack(task, userSp);
  let sp = userSp - RED_ZONE;
  if (useAltStack && signals.altStackSize !== 0 && !nested) sp = signals.altStackAddress + signals.altStackSize;
  else if (userSp < RED_ZONE) return false;
  const fpAddress = alignDown(sp - xstateSize - 4, 64);
  const frame = alignDown(fpAddress - FRAME_SIZE, 16) - 8;
  if (frame <= 0 || fpAddress >= ADDRESS_LIMIT) return false;
  if (nested && !onAltStack(task, frame)) return false;

  task.context.pullState();
  scratch.fill(0);
  put64(PRETCODE, actions.restorerLow(signo), actions.restorerHigh(signo));
  put64(UC, UC_FLAGS, 0);
  putNumber(UC_STACK, signals.altStackAddress);
  view.setUint32(UC_STACK + 8, signals.altStackFlags, true);
  putNumber(UC_STACK + 16, signals.altStackSize);
  for (let i = 0; i < SIGCONTEXT_REGS.length; i++) {
    put64(UC_MCONTEXT + i * 8, page.regLow(SIGCONTEXT_REGS[i]), page.regHigh(SIGCONTEXT_REGS[i]));
  }
  view.setUint16(MC_CS, USER_CS, true);
  view.setUint16(MC_SS, USER_SS, true);
  put64(MC_ERR, task.faultErrorCode, 0);
  put64(MC_TRAPNO, task.faultVector, 0);
  put64(MC_OLDMASK, maskLow, maskHigh);
  put64(MC_CR2, task.faultLow, task.faultHigh);
  putNumber(MC_FPSTATE, fpAddress);
  put64(UC_SIGMASK, maskLow, maskHigh);
  info.encode(scratch, INFO);

  const { featuresLow, featuresHigh } = task.kernel.platform.extendedState;
  fpScratch.set(page.xstate.subarray(0, xstateSize));
  fpScratch.fill(0, SW_RESERVED, FXSAVE_SIZE);
  fpView.setUint32(SW_RESERVED, FP_XSTATE_MAGIC1, true);
  fpView.setUint32(SW_RESERVED + 4, xstateSize + 4, true);
  fpView.setUint32(SW_RESERVED + 8, featuresLow, true);
  fpView.setUint32(SW_RESERVED + 12, featuresHigh, true);
  fpView.setUint32(SW_RESERVED + 16, xstateSize, true);
  fpView.setUint32(xstateSize, FP_XSTATE_MAGIC2, true);

  if (mm.copyOut(fpAddress, fpScratch, xstateSize + 4) !== xstateSize + 4) return false;
  if (mm.copyOut(frame, scratch, FRAME_SIZE) !== FRAME_SIZE) return false;

  page.setReg(REG.rdi, signo);
  page.setReg(REG.rsi, frame + INFO);
  page.setReg(REG.rdx, frame + UC);
  page.setReg(REG.rax, 0);
  page.setReg(REG.rsp, frame);
  page.setRegPair(REG.rip, actions.handlerLow(signo), actions.handlerHigh(signo));
  page.setRegPair(REG.rflags, (page.regLow(REG.rflags) & ~RFLAGS_CLEARED) >>> 0, 0);
  page.flags |= FLAG_FULL_RESTORE;
  return true;
}

/** What sigreturn read besides registers. */
export interface RestoredFrame {
  maskLow: number;
  maskHigh: number;
  altStackAddress: number;
  altStackFlags: number;
  altStackSize: number;
}
const restored: RestoredFrame = { maskLow: 0, maskHigh: 0, altStackAddress: 0, altStackFlags: 0, altStackSize: 0 };

/** Takes the frame off the stack (rt_sigreturn): registers and extended state. Null: the frame is bad; the caller forces SIGSEGV. */
export function popSignalFrame(task: Task): RestoredFrame | null {
  const { page, mm } = task;
  const frame = page.reg(REG.rsp) - 8;
  if (frame < 0 || mm.copyIn(frame, scratch, FRAME_SIZE) !== FRAME_SIZE) return null;
  const fpLow = view.getUint32(MC_FPSTATE, true);
  const fpHigh = view.getUint32(MC_FPSTATE + 4, true);
  restored.maskLow = view.getUint32(UC_SIGMASK, true);
  restored.maskHigh = view.getUint32(UC_SIGMASK + 4, true);
  restored.altStackAddress = getNumber(UC_STACK);
  restored.altStackFlags = view.getUint32(UC_STACK + 8, true);
  restored.altStackSize = getNumber(UC_STACK + 16);
  // The scratch is reused by the copy of the extended state below: registers first.
  for (let i = 0; i < SIGCONTEXT_REGS.length; i++) {
    if (SIGCONTEXT_REGS[i] === REG.rflags) continue;
    page.setRegPair(SIGCONTEXT_REGS[i], view.getUint32(UC_MCONTEXT + i * 8, true), view.getUint32(UC_MCONTEXT + i * 8 + 4, true));
  }
  const flags = view.getUint32(UC_MCONTEXT + SIGCONTEXT_REGS.indexOf(REG.rflags) * 8, true);
  page.setRegPair(REG.rflags, ((page.regLow(REG.rflags) & ~RFLAGS_RESTORED) | (flags & RFLAGS_RESTORED)) >>> 0, 0);
  page.flags |= FLAG_FULL_RESTORE;
  return restoreExtendedState(task, fpLow, fpHigh) ? restored : null;
}

/** Loads the extended state from guest memory at the given address (0: the initial state). */
function restoreExtendedState(task: Task, low: number, high: number): boolean {
  const { page, mm } = task;
  const { size, featuresLow, featuresHigh } = task.kernel.platform.extendedState;
  task.context.pullState();
  const xstate = page.xstate;
  if (low === 0 && high === 0) {
    initialExtendedState(xstate);
    task.context.pushState();
    return true;
  }
  const address = high * TWO_32 + low;
  if (high >= 2 ** 15 || address % 64 !== 0 || mm.copyIn(address, fpScratch, FXSAVE_SIZE) !== FXSAVE_SIZE) return false;
  const extended =
    fpView.getUint32(SW_RESERVED, true) === FP_XSTATE_MAGIC1 &&
    fpView.getUint32(SW_RESERVED + 16, true) === size &&
    mm.copyIn(address, fpScratch, size + 4) === size + 4 &&
    fpView.getUint32(size, true) === FP_XSTATE_MAGIC2;
  const requestedLow = extended ? fpView.getUint32(SW_RESERVED + 8, true) & featuresLow : 3;
  const requestedHigh = extended ? fpView.getUint32(SW_RESERVED + 12, true) & featuresHigh : 0;
  initialExtendedState(xstate);
  xstate.set(fpScratch.subarray(0, SW_RESERVED));
  const target = new DataView(xstate.buffer, xstate.byteOffset, xstate.byteLength);
  target.setUint32(MXCSR, fpView.getUint32(MXCSR, true) & MXCSR_MASK, true);
  if (!extended) {
    target.setUint32(FXSAVE_SIZE, 3, true);
    return pushed(task);
  }
  // XSTATE_BV: only components that exist here; the rest of the header must be zero for XRSTOR.
  target.setUint32(FXSAVE_SIZE, (fpView.getUint32(FXSAVE_SIZE, true) & requestedLow) >>> 0, true);
  target.setUint32(FXSAVE_SIZE + 4, (fpView.getUint32(FXSAVE_SIZE + 4, true) & requestedHigh) >>> 0, true);
  xstate.set(fpScratch.subarray(FXSAVE_SIZE + XSAVE_HEADER, size), FXSAVE_SIZE + XSAVE_HEADER);
  return pushed(task);
}

function pushed(task: Task): boolean {
  task.context.pushState();
  return true;
}

/** The state of a new program: all components initial, x87 control word 0x37f, MXCSR 0x1f80. */
export function initialExtendedState(xstate: Uint8Array): void {
  xstate.fill(0);
  xstate[0] = 0x7f;
  xstate[1] = 0x03;
  xstate[MXCSR] = 0x80;
  xstate[MXCSR + 1] = 0x1f;
}

function alignDown(value: number, alignment: number): number {
  return value - (value % alignment);
}
function put64(offset: number, low: number, high: number): void {
  view.setUint32(offset, low, true);
  view.setUint32(offset + 4, high, true);
}
function putNumber(offset: number, value: number): void {
  put64(offset, value % TWO_32, Math.floor(value / TWO_32));
}
function getNumber(offset: number): number {
  const high = view.getUint32(offset + 4, true);
  return high < 2 ** 21 ? high * TWO_32 + view.getUint32(offset, true) : -1;
}
