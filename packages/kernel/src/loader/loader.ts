import { EACCES, EIO, ELIBBAD, ELOOP, ENOENT, ENOEXEC, ET_DYN, ETXTBSY, PATH_MAX, RLIMIT_STACK, S_ISGID, S_ISUID, S_IXGRP } from '@sbx/abi';
import type { Credentials } from '../auth/credentials.js';
import { TASK_SIZE } from '../mm/constants.js';
import { PIE_BASE, type RandomSource } from '../mm/layout.js';
import type { MemoryManager } from '../mm/memory-manager.js';
import type { Task } from '../task/task.js';
import type { Vdso } from '../vdso/vdso.js';
import type { FileDescription } from '../vfs/file-description.js';
import { inodePermission, MAY_READ } from '../vfs/permission.js';
import {
  ELF_HEADER_SIZE,
  type ElfHeader,
  interpreterHeader,
  PROGRAM_HEADER_SIZE,
  parseElfHeader,
  parseProgramHeaders,
  wantsExecutableStack,
} from './elf.js';
import { type ElfFile, mapElf } from './map-elf.js';
import { HEAD_SIZE, parseScript } from './script.js';
import { makeStack } from './stack.js';

// personality(2), linux/personality.h.
const ADDR_NO_RANDOMIZE = 0x0040000;
const ADDR_COMPAT_LAYOUT = 0x0200000;
const READ_IMPLIES_EXEC = 0x0400000;
/** A `#!` script's interpreter may be a script in turn, so often (fs/exec.c, exec_binprm). */
const MAX_DEPTH = 5;

/** What `loadExecutable` works on. */
export interface LoadRequest {
  readonly kernel: RandomSource & { readonly vdso?: Vdso | null };
  /** A new, empty address space, with the process's limits. It gets all mappings; after an error it is only good for release. */
  readonly mm: MemoryManager;
  /** The program, opened for execution. Its reference is taken over, whatever the result. */
  readonly file: FileDescription;
  /** As the caller gave it: AT_EXECFN, and what a script's interpreter gets. Byte strings. */
  readonly path: string;
  readonly argv: readonly string[];
  readonly envp: readonly string[];
  /** Who calls execve. */
  readonly credentials: Credentials;
  /** Who reads the files. */
  readonly task: Task;
  /** The path is of a close-on-exec descriptor: a script's interpreter could not open it (ENOENT). */
  readonly unreachable: boolean;
  /** personality(2) of the process. ADDR_NO_RANDOMIZE, ADDR_COMPAT_LAYOUT and READ_IMPLIES_EXEC have a meaning here. Default 0. */
  readonly personality?: number;
  /** Opens an interpreter for execution; -errno as execve gives it. */
  open(path: string): FileDescription | number;
}

/** A program ready to run. */
export interface LoadedImage {
  readonly entry: number;
  readonly stackPointer: number;
  /** Mode, owner and group of the file that is run (for a script: of its interpreter). `setId`: the mode has set-id bits that count. */
  readonly setId: boolean;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Whether the caller may read the program; else it is not dumpable. */
  readonly readable: boolean;
  /**
   * The file was accepted, but could not be set up (a segment where nothing can be, no memory): Linux notices that after the old program is gone, so the
   * process dies of SIGSEGV. `entry` and `stackPointer` mean nothing then.
   */
  readonly fatal: boolean;
}

/** Files that a load has opened and not yet given away, and what it has found out. */
class Load {
  argv: readonly string[];
  /** The file that is the program now: after a script, its interpreter. */
  file: FileDescription;
  interpreter: FileDescription | null = null;
  readonly head = new Uint8Array(HEAD_SIZE);
  constructor(readonly request: LoadRequest) {
    this.argv = request.argv;
    this.file = request.file;
  }

  /** Reads exactly `bytes.length` bytes: 0, -EIO when the file is shorter, or what reading says. */
  read(file: FileDescription, bytes: Uint8Array, offset: number): number {
    if (!(offset < 2 ** 53)) return -EIO;
    const result = file.readKernel(this.request.task, bytes, offset);
    return result === bytes.length ? 0 : result < 0 ? result : -EIO;
  }
}

/**
 * Loads a program into a new address space (execve(2)): ELF64 files for x86-64, static or with an interpreter, and `#!` scripts. -errno as execve
 * returns it: ENOEXEC, ELIBBAD, ELOOP, ETXTBSY, EACCES, ENOENT, EIO, E2BIG, ENOMEM.
 */
export function loadExecutable(request: LoadRequest): LoadedImage | number {
  const load = new Load(request);
  const result = resolveScripts(load);
  const image = result < 0 ? result : loadElf(load);
  load.interpreter?.decRef();
  // The address space holds its own references.
  load.file.decRef();
  return image;
}

/** Denies writing to what is about to run: 0 or -ETXTBSY. */
function denyWrite(file: FileDescription): number {
  return file.inode === null || file.inode.writers <= 0 ? 0 : -ETXTBSY;
}

/** Follows `#!` lines until `load.file` is no script; its head is in `load.head`. */
function resolveScripts(load: Load): number {
  let name = load.request.path;
  for (let depth = 0; ; depth++) {
    if (depth > MAX_DEPTH) return -ELOOP;
    const busy = denyWrite(load.file);
    if (busy < 0) return busy;
    load.head.fill(0);
    const read = load.file.readKernel(load.request.task, load.head, 0);
    if (read < 0) return read;
    const script = parseScript(load.head);
    if (typeof script === 'number') return 0;
    if (depth === 0 && load.request.unreachable) return -ENOENT;
    const before = script.argument === null ? [script.interpreter] : [script.interpreter, script.argument];
    load.argv = [...before, name, ...load.argv.slice(1)];
    // An empty name is the working directory, which is no program.
    const file = script.interpreter === '' ? -EACCES : load.request.open(script.interpreter);
    if (typeof file === 'number') return file;
    load.file.decRef();
    load.file = file;
    name = script.interpreter;
  }
}

/** Reads the rest of an ELF file: `bad` is what a file that is none gives. */
function readElf(load: Load, file: FileDescription, header: ElfHeader, bad: number): ElfFile | number {
  const bytes = new Uint8Array(header.programHeaderCount * PROGRAM_HEADER_SIZE);
  const read = load.read(file, bytes, header.programHeaderOffset);
  if (read < 0) return read === -EIO ? bad : read;
  const mappable = file.mappable(load.request.task, 5, false, 0, 0);
  if (typeof mappable === 'number') return bad;
  return {
    file,
    mappable,
    noExec: file.mount?.noExec ?? false,
    header,
    programHeaders: parseProgramHeaders(bytes, header.programHeaderCount),
  };
}

/** Opens and reads what PT_INTERP names. */
function readInterpreter(load: Load, program: ElfFile): ElfFile | number | null {
  const header = interpreterHeader(program.programHeaders);
  if (header === null) return null;
  if (header.fileSize > PATH_MAX || header.fileSize < 2) return -ENOEXEC;
  const name = Buffer.alloc(header.fileSize);
  const read = load.read(load.file, name, header.offset);
  if (read < 0) return read;
  if (name[name.length - 1] !== 0) return -ENOEXEC;
  const file = load.request.open(name.toString('latin1', 0, name.indexOf(0)));
  if (typeof file === 'number') return file;
  load.interpreter = file;
  const busy = denyWrite(file);
  if (busy < 0) return busy;
  const bytes = new Uint8Array(ELF_HEADER_SIZE);
  const head = load.read(file, bytes, 0);
  if (head < 0) return head;
  const elf = parseElfHeader(bytes, -ELIBBAD);
  return typeof elf === 'number' ? elf : readElf(load, file, elf, -ELIBBAD);
}

function loadElf(load: Load): LoadedImage | number {
  const header = parseElfHeader(load.head);
  if (typeof header === 'number') return header;
  const program = readElf(load, load.file, header, -ENOEXEC);
  if (typeof program === 'number') return program;
  const interpreter = readInterpreter(load, program);
  if (typeof interpreter === 'number') return interpreter;

  const { mm, task } = load.request;
  const { file } = load;
  const identity = identityOf(load);
  const { inode } = file;
  const image = {
    entry: 0,
    stackPointer: 0,
    setId: identity.setId,
    mode: inode?.mode ?? 0,
    uid: inode?.uid ?? 0,
    gid: inode?.gid ?? 0,
    readable: isReadable(task, file) && (interpreter === null || isReadable(task, interpreter.file)),
    fatal: false,
  };
  // From here on Linux has no way back.
  const placed = placeProgram(load, program, interpreter, identity);
  if (placed < 0) return { ...image, fatal: true };
  if (!mm.setExecutable(file)) return -ETXTBSY;
  return { ...image, entry: entryPoint, stackPointer: placed };
}

function isReadable(task: Task, file: FileDescription): boolean {
  return file.inode === null || inodePermission(task, file.inode, MAY_READ) === 0;
}

interface Identity {
  readonly setId: boolean;
  readonly euid: number;
  readonly egid: number;
  readonly secure: boolean;
}

/** The ids that the program will run with, for the auxiliary vector (credentials(7)). */
function identityOf(load: Load): Identity {
  const { credentials } = load.request;
  const { inode, mount } = load.file;
  const mode = inode?.mode ?? 0;
  const counts = inode !== null && !(mount?.noSuid ?? false);
  const setId = counts && ((mode & S_ISUID) !== 0 || (mode & (S_ISGID | S_IXGRP)) === (S_ISGID | S_IXGRP));
  const gains = setId && !credentials.noNewPrivs;
  const euid = gains && (mode & S_ISUID) !== 0 ? inode!.uid : credentials.euid;
  const egid = gains && (mode & (S_ISGID | S_IXGRP)) === (S_ISGID | S_IXGRP) ? inode!.gid : credentials.egid;
  return { setId, euid, egid, secure: euid !== credentials.ruid || egid !== credentials.rgid };
}

/** Set by `placeProgram`. */
let entryPoint = 0;

/** Maps everything and makes the stack: the stack pointer, or -errno. */
function placeProgram(load: Load, program: ElfFile, interpreter: ElfFile | null, identity: Identity): number {
  const { mm, kernel, credentials, envp, path } = load.request;
  const { layout } = mm;
  const personality = load.request.personality ?? 0;
  mm.readImpliesExec = (personality & READ_IMPLIES_EXEC) !== 0;
  const stackLimit = mm.limits.soft[RLIMIT_STACK];
  layout.choose(kernel, stackLimit, (personality & ADDR_NO_RANDOMIZE) === 0, (personality & ADDR_COMPAT_LAYOUT) !== 0);
  const dynamic = program.header.type === ET_DYN;
  const mapped = mapElf(mm, program, dynamic && interpreter !== null ? layout.pieBase(kernel) : -1);
  if (typeof mapped === 'number') return mapped;
  layout.startCode = mapped.startCode;
  layout.endCode = mapped.endCode;
  layout.startData = mapped.startData;
  layout.endData = mapped.endData;
  const entry = program.header.entry + mapped.bias;
  entryPoint = entry;
  let interpreterBase = 0;
  if (interpreter !== null) {
    const linker = mapElf(mm, interpreter, -1);
    if (typeof linker === 'number') return linker;
    interpreterBase = linker.bias;
    entryPoint = interpreter.header.entry + linker.bias;
  }
  if (!(entryPoint < TASK_SIZE)) return -EACCES;
  kernel.vdso?.mapInto(mm);
  // A loader that is run directly gets its heap out of the region where mmap puts things.
  layout.chooseBrk(kernel, dynamic && interpreter === null && layout.randomized ? PIE_BASE : pageEnd(mapped.end));
  return makeStack(mm, kernel, {
    argv: load.argv,
    envp,
    fileName: path,
    executable: wantsExecutableStack(program.programHeaders),
    programHeaders: mapped.programHeaders,
    programHeaderCount: program.header.programHeaderCount,
    interpreterBase,
    entry,
    uid: credentials.ruid,
    euid: identity.euid,
    gid: credentials.rgid,
    egid: identity.egid,
    secure: identity.secure,
  });
}

function pageEnd(addr: number): number {
  return Math.ceil(addr / 4096) * 4096;
}
