import {
  EINVAL,
  ENOMEM,
  ET_DYN,
  ET_EXEC,
  MAP_ANONYMOUS,
  MAP_DENYWRITE,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_PRIVATE,
  PF_X,
  PT_LOAD,
} from '@sbx/abi';
import { PAGE_SIZE, pageDown, pageUp } from '../mm/constants.js';
import { bringAhead } from '../mm/fault.js';
import type { Mappable } from '../mm/mappable.js';
import { unmap } from '../mm/mapping.js';
import type { MemoryManager } from '../mm/memory-manager.js';
import { map } from '../mm/mmap.js';
import type { FileDescription } from '../vfs/file-description.js';
import { type ElfHeader, isSane, maximumAlignment, type ProgramHeader, segmentProtection, totalMappingSize } from './elf.js';

/** An ELF file that was read: what is mapped. */
export interface ElfFile {
  readonly file: FileDescription;
  readonly mappable: Mappable;
  readonly noExec: boolean;
  readonly header: ElfHeader;
  readonly programHeaders: readonly ProgramHeader[];
}

/** Where the segments of a file came to lie. */
export interface MappedElf {
  /** What was added to the addresses in the file. */
  bias: number;
  /** Addresses, with the bias. */
  startCode: number;
  endCode: number;
  startData: number;
  endData: number;
  /** End of what memory holds, and of what came from the file. */
  end: number;
  fileEnd: number;
  /** Address of the program headers in memory; 0 if no segment holds them. */
  programHeaders: number;
}

/** Told apart from other mappings by MAP_DENYWRITE, as the dynamic linker does it for libraries. */
const MODE = MAP_PRIVATE | MAP_DENYWRITE;
const MODE_FIXED = MODE | MAP_FIXED;

function mmap(mm: MemoryManager, elf: ElfFile | null, addr: number, length: number, prot: number, flags: number, offset: number): number {
  return map(mm, {
    addr,
    length,
    prot,
    flags: elf === null ? flags | MAP_ANONYMOUS : flags,
    file: elf === null ? null : elf.file,
    mappable: elf === null ? 0 : elf.mappable,
    offset,
    noExec: elf?.noExec ?? false,
    // Programs that are linked to low addresses are the host administrator's business: mmap_min_addr holds.
    rawIo: false,
  });
}

/** Maps the file part of a segment at `addr` (unaligned, biased); with `total`, reserves that much from there first. The address, or -errno. */
function mapSegment(mm: MemoryManager, elf: ElfFile, header: ProgramHeader, addr: number, flags: number, total: number): number {
  const lead = header.vaddr % PAGE_SIZE;
  const start = pageDown(addr);
  const size = pageUp(header.fileSize + lead);
  const offset = header.offset - lead;
  if (size === 0) return start;
  if (offset < 0 || offset % PAGE_SIZE !== 0 || !(offset + size < 2 ** 53)) return -EINVAL;
  const prot = segmentProtection(header.flags);
  if (total === 0) return mmap(mm, elf, start, size, prot, flags, offset);
  const whole = pageUp(total);
  const at = mmap(mm, elf, start, whole, prot, flags, offset);
  if (at >= 0 && whole > size) unmap(mm, at + size, whole - size);
  return at;
}

/** Anonymous memory for `[start, end)`, unaligned: the pages after the one that holds `start`. 0 or -errno. */
function mapBss(mm: MemoryManager, start: number, end: number, executable: boolean): number {
  const from = pageUp(start);
  const to = pageUp(end);
  if (to <= from) return 0;
  const result = mmap(mm, null, from, to - from, executable ? 7 : 3, MODE_FIXED, 0);
  return result < 0 ? result : 0;
}

/** Clears from `start` to the end of its page, but not beyond `end`. False if that can't be written. */
function clearTail(mm: MemoryManager, start: number, end: number): boolean {
  const tail = Math.min(pageUp(start), end) - start;
  return tail === 0 || mm.zeroOut(start, tail) === tail;
}

/**
 * Maps all segments of a file. The bias of a position-independent one is `base` rounded to its alignment, or, if that is -1, wherever mmap puts it.
 * -errno when the file asks for what can't be.
 */
export function mapElf(mm: MemoryManager, elf: ElfFile, base: number): MappedElf | number {
  const { header, programHeaders } = elf;
  const result: MappedElf = {
    bias: 0,
    startCode: Number.POSITIVE_INFINITY,
    endCode: 0,
    startData: 0,
    endData: 0,
    end: 0,
    fileEnd: 0,
    programHeaders: 0,
  };
  if (header.type !== ET_EXEC && header.type !== ET_DYN) return -EINVAL;
  const total = totalMappingSize(programHeaders);
  if (total === 0) return -EINVAL;
  let first = true;
  let begin = 0;
  let bssExecutable = false;
  for (const segment of programHeaders) {
    if (segment.type !== PT_LOAD) continue;
    if (result.end > result.fileEnd) {
      // The segment before had more memory than file.
      const bss = mapBss(mm, result.fileEnd + result.bias, result.end + result.bias, bssExecutable);
      if (bss < 0) return bss;
      clearTail(mm, result.fileEnd + result.bias, result.end + result.bias);
    }
    let flags = MODE_FIXED;
    let reserve = 0;
    if (first && header.type === ET_EXEC) flags = MODE | MAP_FIXED_NOREPLACE;
    else if (first) {
      reserve = total;
      flags = MODE;
      const start = pageDown(segment.vaddr);
      if (base >= 0) {
        const alignment = maximumAlignment(programHeaders);
        result.bias = pageDown(Math.floor(base / alignment) * alignment - start);
        flags |= MAP_FIXED_NOREPLACE;
      } else result.bias = -start;
    }
    if (!isSane(segment) || segment.vaddr + result.bias < 0 || segment.vaddr + result.bias + segment.memorySize > mm.layout.end)
      return -EINVAL;
    const at = mapSegment(mm, elf, segment, segment.vaddr + result.bias, flags, reserve);
    if (at < 0) return at;
    if (first) begin = at;
    if (first && header.type === ET_DYN) result.bias += at - pageDown(segment.vaddr + result.bias);
    first = false;
    bssExecutable = note(result, elf, segment, bssExecutable);
  }
  const bss = mapBss(mm, result.fileEnd + result.bias, result.end + result.bias, bssExecutable);
  if (bss < 0) return bss;
  if (result.end > result.fileEnd && !clearTail(mm, result.fileEnd + result.bias, Number.POSITIVE_INFINITY)) return -ENOMEM;
  for (const key of ['startCode', 'endCode', 'startData', 'endData', 'end', 'fileEnd'] as const) result[key] += result.bias;
  if (result.programHeaders > 0) result.programHeaders += result.bias;
  for (let vma = mm.vmas.findAfter(begin); vma !== null && vma.start < result.end; vma = mm.vmas.findAfter(vma.end)) {
    bringAhead(mm, vma, vma.start, vma.end);
  }
  return result;
}

/** Keeps the bounds that a segment moves. Returns whether what follows the file part so far is executable. */
function note(result: MappedElf, elf: ElfFile, segment: ProgramHeader, bssExecutable: boolean): boolean {
  const { vaddr, flags } = segment;
  const executable = (flags & PF_X) !== 0;
  const fileEnd = vaddr + segment.fileSize;
  const end = vaddr + segment.memorySize;
  const headers = elf.header.programHeaderOffset;
  if (segment.offset <= headers && headers < segment.offset + segment.fileSize) result.programHeaders = headers - segment.offset + vaddr;
  if (executable && vaddr < result.startCode) result.startCode = vaddr;
  if (result.startData < vaddr) result.startData = vaddr;
  if (executable && result.endCode < fileEnd) result.endCode = fileEnd;
  if (result.endData < fileEnd) result.endData = fileEnd;
  if (result.fileEnd < fileEnd) result.fileEnd = fileEnd;
  if (result.end >= end) return bssExecutable;
  result.end = end;
  return executable;
}
