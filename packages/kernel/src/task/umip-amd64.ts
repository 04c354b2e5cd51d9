/**
 * SGDT, SIDT, SLDT, STR and SMSW in user mode. A CPU with user-mode instruction prevention (CR4.UMIP, SDM Vol. 3A 2.5) refuses them with #GP, and Linux
 * stores values that tell nothing of the kernel (arch/x86/kernel/umip.c, the model of this file). A platform whose host is Linux may have them answered there.
 */
import { SEGV_MAPERR, SIGSEGV } from '@sbx/abi';
import { ADDRESS_LIMIT, type ContextPage, REG } from '@sbx/platform';
import { forceSignal } from '../signal/deliver.js';
import { SignalInfo } from '../signal/signal-info.js';
import type { Task } from './task.js';

const MAX_INSTRUCTION = 15;
const PAGE_FAULT = 14;
/** The error code of a page fault: a write, by user mode, to what is not present. */
export const USER_WRITE = 6;

/** The second byte of the opcode, and the middle field of ModRM: `0F 00 /0`, …, `0F 01 /4`. */
const SLDT = 0o0;
const STR = 0o1;
const SGDT = 0o10;
const SIDT = 0o11;
const SMSW = 0o14;

const VALUES = new Map<number, bigint>([
  [SLDT, 0n],
  [STR, 0x40n],
  [SGDT, 0xffff_ffff_fffe_0000n],
  [SIDT, 0xffff_ffff_ffff_0000n],
  [SMSW, 0x8005_0033n],
]);

/** General registers by their numbers in instructions. */
const GENERAL = [
  REG.rax,
  REG.rcx,
  REG.rdx,
  REG.rbx,
  REG.rsp,
  REG.rbp,
  REG.rsi,
  REG.rdi,
  REG.r8,
  REG.r9,
  REG.r10,
  REG.r11,
  REG.r12,
  REG.r13,
  REG.r14,
  REG.r15,
] as const;
const NONE = -1;

/** One of the instructions. Registers are REG.* or NONE. */
interface Instruction {
  readonly kind: number;
  readonly length: number;
  /** Bytes of an operand that is a register. */
  readonly operandSize: number;
  /** The destination, or NONE: then it is memory at segment + base + index * scale + displacement. */
  readonly register: number;
  readonly segment: number;
  readonly base: number;
  readonly index: number;
  readonly scale: bigint;
  readonly displacement: bigint;
}

/** Decodes the instruction at the start of `code`; null if it is another one, or one that Linux leaves alone (32-bit addresses). */
function decode(code: DataView): Instruction | null {
  let at = 0;
  const next = () => code.getUint8(at++);
  let segment: number = NONE;
  let operandSize = 4;
  let byte = next();
  for (; [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0xf2, 0xf3].includes(byte); byte = next()) {
    if (byte === 0x64) segment = REG.fsBase;
    if (byte === 0x65) segment = REG.gsBase;
    if (byte === 0x66) operandSize = 2;
  }
  let rex = 0;
  if (byte >> 4 === 4) {
    rex = byte;
    byte = next();
  }
  if (rex & 8) operandSize = 8;
  if (byte !== 0x0f) return null;
  const opcode = next();
  const modrm = next();
  const [mod, rm] = [modrm >> 6, modrm & 7];
  const kind = opcode * 8 + ((modrm >> 3) & 7);
  if (!VALUES.has(kind)) return null;
  const general = (number: number, extension: number) => GENERAL[number | (rex & extension ? 8 : 0)];
  const memory = { register: NONE, segment, base: NONE as number, index: NONE as number, scale: 1n, displacement: 0n };
  if (mod === 3) {
    // With a register for an operand SGDT and SIDT are other instructions (VMCALL, MONITOR, …).
    if (kind === SGDT || kind === SIDT) return null;
    return { ...memory, register: general(rm, 1), kind, operandSize, length: at };
  }
  let base = rm;
  if (rm === 4) {
    const sib = next();
    base = sib & 7;
    memory.scale = 1n << BigInt(sib >> 6);
    const index = general((sib >> 3) & 7, 2);
    if (index !== REG.rsp) memory.index = index;
  }
  let displacementSize = mod === 1 ? 1 : mod === 2 ? 4 : 0;
  if (mod === 0 && base === 5) {
    // A displacement alone, from the next instruction on where there is no SIB byte.
    displacementSize = 4;
    if (rm === 5) memory.base = REG.rip;
  } else memory.base = general(base, 1);
  if (displacementSize === 1) memory.displacement = BigInt(code.getInt8(at));
  if (displacementSize === 4) memory.displacement = BigInt(code.getInt32(at, true));
  return { ...memory, kind, operandSize, length: at + displacementSize };
}

/** Registers as they are, but RIP, which is that of the next instruction. */
function addressOf(instruction: Instruction, page: ContextPage): bigint {
  const value = (reg: number) => (reg === NONE ? 0n : (BigInt(page.regHigh(reg)) << 32n) | BigInt(page.regLow(reg)));
  const { segment, base, index, scale, displacement } = instruction;
  const next = base === REG.rip ? BigInt(instruction.length) : 0n;
  return BigInt.asUintN(64, value(segment) + value(base) + next + value(index) * scale + displacement);
}

/** Stores the low bytes of a value in a register and leaves the others, as Linux does. */
function storeRegister(page: ContextPage, register: number, value: number, size: number): void {
  const [low, high] = [page.regLow(register), page.regHigh(register)];
  if (size === 2) page.setRegPair(register, ((low & 0xffff0000) | (value & 0xffff)) >>> 0, high);
  else page.setRegPair(register, value, size === 8 ? 0 : high);
}

/** What is stored in memory: ten bytes, a limit and a base, or the low two of the value. */
function memoryBytes(kind: number, value: bigint): Uint8Array {
  if (kind !== SGDT && kind !== SIDT) return Uint8Array.of(Number(value) & 0xff, (Number(value) >> 8) & 0xff);
  const bytes = new Uint8Array(10);
  new DataView(bytes.buffer).setBigUint64(2, value, true);
  return bytes;
}

/**
 * After a fault: does what Linux does for these instructions, and goes on behind, or sends SIGSEGV if the destination can't be written. False: it is none of
 * them, and nothing has changed.
 */
export function emulateUmip(task: Task): boolean {
  const { mm, page } = task;
  const rip = page.reg(REG.rip);
  if (rip < 0 || rip >= ADDRESS_LIMIT) return false;
  const code = new Uint8Array(2 * MAX_INSTRUCTION);
  const available = mm.peek(rip, code, MAX_INSTRUCTION);
  const instruction = decode(new DataView(code.buffer));
  if (instruction === null || instruction.length > available) return false;
  const value = VALUES.get(instruction.kind)!;
  if (instruction.register !== NONE) storeRegister(page, instruction.register, Number(value), instruction.operandSize);
  else {
    if (instruction.segment !== NONE) task.context.pullState();
    const address = addressOf(instruction, page);
    const bytes = memoryBytes(instruction.kind, value);
    if (address >= BigInt(ADDRESS_LIMIT) || mm.copyOut(Number(address), bytes, bytes.length) !== bytes.length) {
      refuse(task, Number(address & 0xffff_ffffn), Number(address >> 32n));
      return true;
    }
  }
  page.setReg(REG.rip, rip + instruction.length);
  return true;
}

/** SIGSEGV for the destination, whatever is there: Linux does not look. */
function refuse(task: Task, low: number, high: number): void {
  task.faultLow = low;
  task.faultHigh = high;
  task.faultVector = PAGE_FAULT;
  task.faultErrorCode = USER_WRITE;
  forceSignal(task, SignalInfo.fault(SIGSEGV, SEGV_MAPERR, low, high));
}

/**
 * After memory was found for a USER_WRITE fault. A host that answers these instructions itself says that the first byte of the destination is missing when
 * any is: then the same fault comes again, and the instruction is answered here. @hotpath
 */
export function resolveRepeatedWrite(task: Task): void {
  const rip = task.page.reg(REG.rip);
  const address = task.page.faultAddress;
  if (rip === task.writeFaultRip && address === task.writeFaultAddress) emulateUmip(task);
  task.writeFaultRip = rip;
  task.writeFaultAddress = address;
}
