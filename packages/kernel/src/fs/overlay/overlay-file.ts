import { EIO, O_ACCMODE, O_RDONLY, O_TRUNC, O_WRONLY } from '@sbx/abi';
import type { FileDescription } from '../../vfs/file-description.js';
import type { Caller, Inode } from '../../vfs/inode.js';
import { PENDING } from '../../vfs/pending.js';
import { CopyJob } from './copy-job.js';
import { hasContents } from './layers.js';
import { OverlayFileDescription } from './overlay-file-description.js';
import { OverlayInode } from './overlay-inode.js';

/** A regular file of the overlay. */
export class OverlayFile extends OverlayInode {
  /** A copy under way. */
  #job: CopyJob | null = null;

  override open(caller: Caller, flags: number): FileDescription | number {
    if ((flags & O_ACCMODE) !== O_RDONLY) {
      // What is about to be cut off is not copied first.
      const result = this.copyUp(caller, (flags & O_TRUNC) !== 0 ? 0 : Number.POSITIVE_INFINITY);
      if (result < 0) return result;
    }
    const { upper } = this;
    const layer = this.superBlock.open(this.real, flags & ~O_TRUNC);
    return typeof layer === 'number' ? layer : new OverlayFileDescription(flags, this, layer, upper !== null);
  }

  /** Copies at once what is not long; else PENDING, until the copy that was begun is done. The kernel itself never waits that way. */
  protected override makeCopy(caller: Caller, limit: number): number {
    const { superBlock } = this;
    let job = this.#job;
    if (job === null) {
      const made = this.#begin(limit);
      if (typeof made === 'number') return made;
      job = made;
      job.start(caller === superBlock.layerCaller);
    }
    if (job.result === null) {
      superBlock.kernel.vfs.pending = job.queue;
      return PENDING;
    }
    this.#job = null;
    return job.result;
  }

  #begin(limit: number): CopyJob | number {
    const { superBlock } = this;
    const lower = this.lower!;
    const caller = superBlock.layerCaller;
    const length = Math.min(limit, lower.size);
    if (length > 0 && !hasContents(lower)) return -EIO;
    const from = superBlock.open(lower, O_RDONLY);
    if (typeof from === 'number') return from;
    const upper = superBlock.upperLayer.createWork(this.mode);
    if (typeof upper === 'number') {
      from.decRef();
      return upper;
    }
    const to = superBlock.open(upper, O_WRONLY);
    if (typeof to === 'number') {
      from.decRef();
      superBlock.upperLayer.discardWork(upper);
      return to;
    }
    // The job keeps this object: the copy must find its place when it is done.
    this.incRef();
    const job = new CopyJob(caller, from, to, Math.min(limit, from.inode!.size), (result) => {
      if (result === 0) job.result = this.#finish(upper);
      else superBlock.upperLayer.discardWork(upper);
      if (job.result! < 0) this.#job = null;
      this.decRef();
    });
    this.#job = job;
    return job;
  }

  /** The contents are there: attributes, and the name. */
  #finish(upper: Inode): number {
    const { superBlock, parent } = this;
    this.copyAttributesTo(upper);
    if (parent === null) superBlock.upperLayer.keepNameless(upper);
    else {
      const result = superBlock.upperLayer.publishWork(upper, parent.upper!, this.name);
      if (result < 0) {
        superBlock.upperLayer.discardWork(upper);
        return result;
      }
    }
    this.setUpper(upper);
    return 0;
  }
}
