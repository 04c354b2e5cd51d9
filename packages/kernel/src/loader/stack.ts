import {
  AT_BASE,
  AT_CLKTCK,
  AT_EGID,
  AT_ENTRY,
  AT_EUID,
  AT_EXECFN,
  AT_FLAGS,
  AT_GID,
  AT_HWCAP,
  AT_HWCAP2,
  AT_MINSIGSTKSZ,
  AT_NULL,
  AT_PAGESZ,
  AT_PHDR,
  AT_PHENT,
  AT_PHNUM,
  AT_PLATFORM,
  AT_RANDOM,
  AT_SECURE,
  AT_SYSINFO_EHDR,
  AT_UID,
  E2BIG,
  EFAULT,
  RLIMIT_STACK,
} from '@sbx/abi';
import {
  PAGE_SIZE,
  pageDown,
  VM_ACCOUNT,
  VM_EXEC,
  VM_GROWSDOWN,
  VM_MAYEXEC,
  VM_MAYREAD,
  VM_MAYWRITE,
  VM_READ,
  VM_WRITE,
} from '../mm/constants.js';
import type { RandomSource } from '../mm/layout.js';
import type { MemoryManager } from '../mm/memory-manager.js';
import { place } from '../mm/mmap.js';
import { Vma } from '../mm/vma.js';
import { PROGRAM_HEADER_SIZE } from './elf.js';
import { machine } from './machine.js';

/** What the stack's mapping is extended by beyond the strings (setup_arg_pages). */
const STACK_EXPAND = 128 * 1024;
const PLATFORM = 'x86_64';
/** The stack pointer is moved down by less than this, for cache colours and secrecy (arch_align_stack). */
const ALIGN_RANDOM = 8192;

/** What a new program finds on its stack. */
export interface StackContents {
  readonly argv: readonly string[];
  readonly envp: readonly string[];
  /** AT_EXECFN: the path as the caller gave it. */
  readonly fileName: string;
  readonly executable: boolean;
  /** Auxiliary vector: place of the program headers in memory, their number, load address of the interpreter (0: none), entry point of the program. */
  readonly programHeaders: number;
  readonly programHeaderCount: number;
  readonly interpreterBase: number;
  readonly entry: number;
  readonly uid: number;
  readonly euid: number;
  readonly gid: number;
  readonly egid: number;
  /** AT_SECURE: the program runs with rights that its caller lacks. */
  readonly secure: boolean;
}

/**
 * Makes the stack of a new program: strings, then the vectors that the ABI prescribes (System V ABI, AMD64 supplement, "Initial stack and register
 * state"), laid out as Linux does:
 *
 *     sp → argc │ argv pointers, 0 │ envp pointers, 0 │ auxv │ … random gap … │ 16 random bytes │ "x86_64"
 *        │ argv strings │ envp strings │ file name │ 8 zero bytes │ ← layout.stackTop
 *
 * Returns the stack pointer, -E2BIG when the strings don't fit into the limit, -EFAULT or -ENOMEM.
 */
export function makeStack(mm: MemoryManager, source: RandomSource, contents: StackContents): number {
  const { layout } = mm;
  const { argv, envp, fileName } = contents;
  const auxv = 22 * 16;
  let strings = fileName.length + 1;
  for (const text of argv) strings += text.length + 1;
  for (const text of envp) strings += text.length + 1;
  const random = new Uint8Array(18);
  source.random(random);
  const gap = layout.randomized ? (random[16] * 256 + random[17]) % ALIGN_RANDOM : 0;

  // Places, from the top down.
  const nameAt = layout.stackTop - 8 - (fileName.length + 1);
  const stringsAt = layout.stackTop - 8 - strings;
  const aligned = stringsAt - gap - ((stringsAt - gap) % 16);
  const platformAt = aligned - (PLATFORM.length + 1);
  const randomAt = platformAt - 16;
  const auxvTop = randomAt - (randomAt % 16);
  const words = argv.length + 1 + (envp.length + 1) + 1;
  const unaligned = auxvTop - auxv - words * 8;
  const pointer = unaligned - (unaligned % 16);

  const limit = Math.floor(mm.limits.soft[RLIMIT_STACK] / PAGE_SIZE) * PAGE_SIZE;
  if (layout.stackTop - pageDown(pointer) > limit) return -E2BIG;
  const size = Math.min(layout.stackTop - pageDown(stringsAt) + STACK_EXPAND, limit);
  let flags = VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC | VM_GROWSDOWN | VM_ACCOUNT;
  if (contents.executable || mm.readImpliesExec) flags |= VM_EXEC;
  const placed = place(mm, new Vma(layout.stackTop - size, layout.stackTop, flags));
  if (placed < 0) return placed;

  const image = Buffer.alloc(layout.stackTop - pointer);
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  let at = 0;
  const word = (value: number): void => {
    view.setUint32(at, value % 2 ** 32, true);
    view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
    at += 8;
  };
  const vector = (texts: readonly string[], start: number): number => {
    let place = start;
    for (const text of texts) {
      word(place);
      image.write(text, place - pointer, 'latin1');
      place += text.length + 1;
    }
    word(0);
    return place;
  };
  word(argv.length);
  layout.argStart = stringsAt;
  layout.argEnd = layout.envStart = vector(argv, stringsAt);
  layout.envEnd = vector(envp, layout.argEnd);
  const auxvAt = at;
  for (const [type, value] of auxiliaryVector(layout.vdso, contents, nameAt, randomAt, platformAt)) {
    word(type);
    word(value);
  }
  mm.auxv = Uint8Array.from(image.subarray(auxvAt, at));
  image.set(random.subarray(0, 16), randomAt - pointer);
  image.write(PLATFORM, platformAt - pointer, 'latin1');
  image.write(fileName, nameAt - pointer, 'latin1');
  layout.startStack = pointer;
  return mm.copyOut(pointer, image, image.length) === image.length ? pointer : -EFAULT;
}

/** In Linux's order. */
function auxiliaryVector(
  vdso: number,
  contents: StackContents,
  nameAt: number,
  randomAt: number,
  platformAt: number,
): readonly (readonly [number, number])[] {
  const head: (readonly [number, number])[] = vdso === 0 ? [] : [[AT_SYSINFO_EHDR, vdso]];
  return [
    ...head,
    [AT_MINSIGSTKSZ, machine.minimumSignalStack],
    [AT_HWCAP, machine.hwcap],
    [AT_PAGESZ, PAGE_SIZE],
    [AT_CLKTCK, 100],
    [AT_PHDR, contents.programHeaders],
    [AT_PHENT, PROGRAM_HEADER_SIZE],
    [AT_PHNUM, contents.programHeaderCount],
    [AT_BASE, contents.interpreterBase],
    [AT_FLAGS, 0],
    [AT_ENTRY, contents.entry],
    [AT_UID, contents.uid],
    [AT_EUID, contents.euid],
    [AT_GID, contents.gid],
    [AT_EGID, contents.egid],
    [AT_SECURE, contents.secure ? 1 : 0],
    [AT_RANDOM, randomAt],
    [AT_HWCAP2, machine.hwcap2],
    [AT_EXECFN, nameAt],
    [AT_PLATFORM, platformAt],
    [AT_NULL, 0],
  ];
}
