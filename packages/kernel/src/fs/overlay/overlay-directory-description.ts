import { DT_CHR, DT_DIR, EIO, ENOENT, ENOMEM, O_DIRECTORY, O_RDONLY } from '@sbx/abi';
import type { Task } from '../../task/task.js';
import { DirectoryDescription, type DirectoryEmitter } from '../../vfs/directory.js';
import type { FileDescription } from '../../vfs/file-description.js';
import type { Inode } from '../../vfs/inode.js';
import { isWhiteout, type LayerEntry, NO_TASK } from './layers.js';
import type { OverlayDirectory } from './overlay-directory.js';
import { WORK_NAME } from './upper-layer.js';

/** Positions of entries: FIRST + (position in the layer) * STAGES + number of the layer. 2 is the beginning, after "." and "..". */
const FIRST = 4096;
const STAGES = 128;
const BEGIN = 2;

/**
 * An open directory of the overlay. A reading begins with a list of what the upper directory has, which stays as it is: what is copied up meanwhile comes
 * from the lower layer, once, and nothing comes twice. Then come the lower directories, read as they are, without the names that a layer above has. A
 * directory with one layer only is just passed on.
 *
 * Positions stay valid while names come and go as far as those of the layers do.
 */
export class OverlayDirectoryDescription extends DirectoryDescription {
  /** The layers of this reading, highest first; each with its description once it is open. */
  #stages: Inode[] = [];
  #files: (FileDescription | null)[] = [];
  /** Entries of the upper directory, when there are others below it; and all its names. */
  #snapshot: LayerEntry[] | null = null;
  #hidden: Set<string>[] = [];
  #started = false;

  constructor(
    flags: number,
    private readonly directory: OverlayDirectory,
  ) {
    super(flags);
  }

  override readDirectory(_task: Task, emitter: DirectoryEmitter): number {
    if (this.position === 0 && this.directory.nlink === 0) return -ENOENT;
    if (!this.emitDots(emitter)) return 0;
    return this.readEntries(emitter);
  }

  /** As `readDirectory`, without "." and "..". */
  readEntries(emitter: DirectoryEmitter): number {
    if (this.position <= BEGIN || !this.#started) {
      const result = this.#begin();
      if (result < 0) return result;
      if (this.position <= BEGIN) this.position = FIRST;
    }
    for (;;) {
      const code = this.position - FIRST;
      const stage = code % STAGES;
      const inner = (code - stage) / STAGES;
      if (!(code >= 0) || stage >= this.#stages.length) return 0;
      let result: number;
      if (stage === 0 && this.#snapshot !== null) result = this.#emitSnapshot(this.#snapshot, inner, emitter);
      else result = this.#readLayer(stage, inner, emitter);
      if (result !== NEXT) return result;
      this.position = FIRST + stage + 1;
    }
  }

  /** Begins a reading: takes the layers and what the upper directory has as they are now. */
  #begin(): number {
    this.#end();
    const { directory } = this;
    const { superBlock, upper, lowers } = directory;
    if (upper !== null) this.#stages.push(upper);
    this.#stages.push(...lowers);
    if (this.#stages.length > STAGES - 1) this.#stages.length = STAGES - 1;
    for (const stage of this.#stages) stage.incRef();
    this.#files = this.#stages.map(() => null);
    this.#started = true;
    if (upper === null || lowers.length === 0) return 0;
    const entries = superBlock.listUpper(upper);
    if (typeof entries === 'number') return entries;
    if (!superBlock.chargeSnapshot(entries.length)) return -ENOMEM;
    this.#snapshot = entries;
    this.#hidden[1] = new Set(entries.map((entry) => entry.name));
    return 0;
  }

  #end(): void {
    for (const file of this.#files) file?.decRef();
    for (const stage of this.#stages) stage.decRef();
    this.#files = [];
    this.#stages = [];
    this.#hidden = [];
    if (this.#snapshot !== null) this.directory.superBlock.chargeSnapshot(-this.#snapshot.length);
    this.#snapshot = null;
    this.#started = false;
  }

  #emitSnapshot(entries: readonly LayerEntry[], from: number, emitter: DirectoryEmitter): number {
    const { superBlock } = this.directory;
    for (let i = from; i < entries.length; i++) {
      const entry = entries[i];
      const next = FIRST + (i + 1) * STAGES;
      if (!this.#isHiddenUpper(entry.name, entry.type)) {
        if (!emitter.emit(entry.name, superBlock.upperIno(entry.ino), entry.type, next)) return 0;
      }
      this.position = next;
    }
    return NEXT;
  }

  #isHiddenUpper(name: string, type: number): boolean {
    const { directory } = this;
    if (type === DT_CHR) return isWhiteoutAt(this.#stages[0], name, directory);
    return type === DT_DIR && name === WORK_NAME && directory.parent === null;
  }

  #readLayer(stage: number, inner: number, emitter: DirectoryEmitter): number {
    const inode = this.#stages[stage];
    const { directory } = this;
    const { superBlock } = directory;
    let file = this.#files[stage];
    if (file === null) {
      const opened = superBlock.open(inode, O_RDONLY | O_DIRECTORY);
      // A lower directory that may not be read, or is gone: what is above it shows all the same.
      if (typeof opened === 'number') return stage === 0 ? opened : NEXT;
      file = this.#files[stage] = opened;
    }
    const isUpper = stage === 0 && inode === directory.upper;
    const hidden = this.#hiddenBelow(stage);
    if (typeof hidden === 'number') return hidden;
    const base = isUpper ? -1 : superBlock.inoBase(inode);
    file.position = inner === 0 ? BEGIN : inner;
    let stopped = false;
    const result = file.readDirectory(NO_TASK, {
      emit: (name, ino, type, next) => {
        const position = FIRST + next * STAGES + stage;
        const skip = isUpper ? this.#isHiddenUpper(name, type) : this.#isHiddenLower(stage, hidden, name, type);
        if (!skip) {
          const shown = isUpper ? superBlock.upperIno(ino) : superBlock.lowerIno(base, ino);
          if (!emitter.emit(name, shown, type, position)) {
            stopped = true;
            return false;
          }
        }
        this.position = position;
        return true;
      },
    });
    if (typeof result !== 'number') return -EIO;
    if (result < 0) return result;
    return stopped ? 0 : NEXT;
  }

  #isHiddenLower(stage: number, hidden: ReadonlySet<string> | null, name: string, type: number): boolean {
    if (hidden?.has(name)) return true;
    return type === DT_CHR && isWhiteoutAt(this.#stages[stage], name, this.directory);
  }

  /** Names that the layers above `stage` have: those are not shown again. Null where there is nothing above. */
  #hiddenBelow(stage: number): ReadonlySet<string> | null | number {
    if (stage === 0) return null;
    for (let i = 1; i <= stage; i++) {
      if (this.#hidden[i] !== undefined) continue;
      const { superBlock } = this.directory;
      const entries = superBlock.listUpper(this.#stages[i - 1]);
      if (typeof entries === 'number') return entries;
      const names = new Set(this.#hidden[i - 1]);
      for (const entry of entries) names.add(entry.name);
      this.#hidden[i] = names;
    }
    return this.#hidden[stage];
  }

  protected override release(): void {
    this.#end();
  }
}

/** The layer has no more entries. */
const NEXT = 1;

function isWhiteoutAt(layer: Inode, name: string, directory: OverlayDirectory): boolean {
  const found = layer.lookup(directory.superBlock.layerCaller, name);
  if (typeof found === 'number') return false;
  const result = isWhiteout(found);
  found.decRef();
  return result;
}
