import { EM_X86_64, ENOEXEC, ET_DYN, ET_EXEC, PF_R, PF_W, PF_X, PT_GNU_STACK, PT_INTERP, PT_LOAD } from '@sbx/abi';
import { PAGE_SIZE, pageDown, TASK_SIZE } from '../mm/constants.js';

/** Bytes of an ELF header and of a program header. */
export const ELF_HEADER_SIZE = 64;
export const PROGRAM_HEADER_SIZE = 56;

/** A program header. 64-bit values beyond 2^53 are rounded: all that is done with them is to refuse them. */
export interface ProgramHeader {
  readonly type: number;
  /** PF_* bits. */
  readonly flags: number;
  readonly offset: number;
  readonly vaddr: number;
  readonly fileSize: number;
  readonly memorySize: number;
  readonly align: number;
}

/** What the loader needs of an ELF header. */
export interface ElfHeader {
  /** ET_EXEC or ET_DYN; of an interpreter, anything. */
  readonly type: number;
  readonly entry: number;
  /** Place of the program headers in the file, and their number. */
  readonly programHeaderOffset: number;
  readonly programHeaderCount: number;
}

function u64(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
}

/**
 * Checks and decodes the header of a program, or (`bad` -ELIBBAD) of an interpreter: as Linux does, the class and the version are not looked at, and
 * what is not for this machine is "not an executable" (binfmt_elf.c). `bytes` holds at least 64 bytes, of which those past the file's end are zero.
 */
export function parseElfHeader(bytes: Uint8Array, bad: number = -ENOEXEC): ElfHeader | number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength < ELF_HEADER_SIZE || view.getUint32(0, true) !== 0x464c457f) return bad;
  const type = view.getUint16(16, true);
  if (bad === -ENOEXEC && type !== ET_EXEC && type !== ET_DYN) return bad;
  if (view.getUint16(18, true) !== EM_X86_64) return bad;
  const count = view.getUint16(56, true);
  if (view.getUint16(54, true) !== PROGRAM_HEADER_SIZE || count === 0 || count * PROGRAM_HEADER_SIZE > PAGE_SIZE) return bad;
  return { type, entry: u64(view, 24), programHeaderOffset: u64(view, 32), programHeaderCount: count };
}

/** Decodes program headers. `bytes` holds `count` of them. */
export function parseProgramHeaders(bytes: Uint8Array, count: number): ProgramHeader[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headers: ProgramHeader[] = [];
  for (let i = 0; i < count; i++) {
    const at = i * PROGRAM_HEADER_SIZE;
    headers.push({
      type: view.getUint32(at, true),
      flags: view.getUint32(at + 4, true),
      offset: u64(view, at + 8),
      vaddr: u64(view, at + 16),
      fileSize: u64(view, at + 32),
      memorySize: u64(view, at + 40),
      align: u64(view, at + 48),
    });
  }
  return headers;
}

/** The header that names the interpreter (the first), or null. */
export function interpreterHeader(headers: readonly ProgramHeader[]): ProgramHeader | null {
  return headers.find((header) => header.type === PT_INTERP) ?? null;
}

/** Whether the stack is to be executable (PT_GNU_STACK, the last one counts). Without the header it is not, on x86-64. */
export function wantsExecutableStack(headers: readonly ProgramHeader[]): boolean {
  let executable = false;
  for (const header of headers) if (header.type === PT_GNU_STACK) executable = (header.flags & PF_X) !== 0;
  return executable;
}

/** Bytes from the first page of the first segment to the end of the last; 0 without segments. */
export function totalMappingSize(headers: readonly ProgramHeader[]): number {
  let low = Number.POSITIVE_INFINITY;
  let high = 0;
  for (const header of headers) {
    if (header.type !== PT_LOAD) continue;
    low = Math.min(low, pageDown(header.vaddr));
    high = Math.max(high, header.vaddr + header.memorySize);
  }
  return low === Number.POSITIVE_INFINITY ? 0 : high - low;
}

/** The greatest power-of-two alignment of the segments, at least a page. */
export function maximumAlignment(headers: readonly ProgramHeader[]): number {
  let alignment = PAGE_SIZE;
  for (const { type, align } of headers) {
    if (type === PT_LOAD && align > alignment && align <= TASK_SIZE && Number.isInteger(Math.log2(align))) alignment = align;
  }
  return alignment;
}

/** Protection (PROT_*) of a segment. */
export function segmentProtection(flags: number): number {
  return ((flags & PF_R) !== 0 ? 1 : 0) | ((flags & PF_W) !== 0 ? 2 : 0) | ((flags & PF_X) !== 0 ? 4 : 0);
}

/** Whether a segment lies in the program's address range and does not hold more bytes than memory. */
export function isSane(header: ProgramHeader): boolean {
  return (
    header.vaddr < TASK_SIZE &&
    header.fileSize <= header.memorySize &&
    header.memorySize <= TASK_SIZE &&
    header.vaddr <= TASK_SIZE - header.memorySize
  );
}
