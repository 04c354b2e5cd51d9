import { EINVAL, O_DIRECTORY, O_RDONLY, OVERLAYFS_SUPER_MAGIC } from '@sbx/abi';
import type { Kernel } from '../../kernel.js';
import type { DirectoryEmitter } from '../../vfs/directory.js';
import type { FileDescription } from '../../vfs/file-description.js';
import type { Caller, Inode } from '../../vfs/inode.js';
import type { Mount } from '../../vfs/mount.js';
import type { StatFs } from '../../vfs/stat.js';
import { SuperBlock } from '../../vfs/super-block.js';
import { HostInode } from '../host/host-inode.js';
import { type LayerEntry, listLayer, openLayer } from './layers.js';
import { OverlayDirectory } from './overlay-directory.js';
import { OverlayDirectoryDescription } from './overlay-directory-description.js';
import { OverlayFile } from './overlay-file.js';
import { type OverlayInode, OverlayNode } from './overlay-inode.js';
import { UpperLayer } from './upper-layer.js';

/** Inode numbers of the upper layer are below this; those of lower file systems follow, as many for each. */
const INO_SPACE = 2 ** 41;
/** File systems in lower layers that get inode numbers of their own; the rest share the last. */
const MAX_DEVICES = 4094;
/** Entries that all snapshots of open directories hold together. */
const MAX_SNAPSHOT_ENTRIES = 2_000_000;
/** Entries that a directory of a layer may have to be merged. */
const MAX_ENTRIES = 1_000_000;

/** A lower file with several names, when one was removed or the file was copied up: what all its names lead to now. One reference on each inode. */
export interface Links {
  readonly lower: Inode;
  upper: Inode | null;
  /** Names that came and went. */
  delta: number;
}

/** What an overlay is made of. */
export interface OverlayOptions {
  /** Read-only layers, highest first. Each keeps being usable elsewhere. */
  readonly lowers: readonly SuperBlock[];
  /** Where changes go: a tmpfs, or a writable host directory, which is the overlay's alone. */
  readonly upper: SuperBlock;
}

/**
 * Several file systems as one: what is read comes from the highest layer that has it, and all changes go to the upper layer (overlayfs; see README.md). Lower
 * layers are never changed.
 * See the example of {@link TmpfsSuperBlock}.
 */
export class OverlayFileSystem extends SuperBlock {
  readonly upperLayer: UpperLayer;
  /** The object of each inode of a layer: by the upper one, else by the (first) lower one. */
  readonly #byReal = new Map<Inode, OverlayInode>();
  /** Files with several lower names, by their lower and their upper inode. */
  readonly #links = new Map<Inode, Links>();
  readonly #linksByUpper = new Map<Inode, Links>();
  /** By upper inode number: the number that a copied object has shown from the beginning. */
  readonly #origins = new Map<number, number>();
  /** By upper inode number: what lies below a directory that was renamed. One reference each. */
  readonly #moved = new Map<number, readonly Inode[]>();
  readonly #deviceIndex = new Map<object, number>();
  readonly #mounts = new Map<SuperBlock, Mount>();
  #snapshotEntries = 0;

  private constructor(kernel: Kernel, options: OverlayOptions) {
    super(kernel, kernel.vfs.allocateDevice(), 'overlay', OVERLAYFS_SUPER_MAGIC);
    const { upper, lowers } = options;
    this.upperLayer = new UpperLayer(upper, () => this.layerCaller);
    this.revalidates = upper.revalidates || lowers.some((lower) => lower.revalidates);
    this.cachesNegative = true;
    this.supportsDirect = upper.supportsDirect;
    for (const layer of [upper, ...lowers]) this.#mounts.set(layer, kernel.vfs.mountInternally(layer));
    upper.root.incRef();
    for (const lower of lowers) lower.root.incRef();
    const root = new OverlayDirectory(
      this,
      upper.root.ino,
      upper.root,
      lowers.map((lower) => lower.root),
    );
    this.#byReal.set(upper.root, root);
    this.root = root;
  }

  /** Makes an overlay; -EINVAL when a layer is not a directory or the upper one can't be written. */
  static create(kernel: Kernel, options: OverlayOptions): OverlayFileSystem | number {
    const { upper, lowers } = options;
    if (upper.readOnly || lowers.length === 0 || lowers.length > 120) return -EINVAL;
    for (const layer of [upper, ...lowers]) if (!layer.root.isDirectory) return -EINVAL;
    return new OverlayFileSystem(kernel, options);
  }

  /** On whose behalf layers are asked: the kernel itself. */
  get layerCaller(): Caller {
    return this.kernel.vfs.kernelCaller;
  }

  /** Opens an object of a layer. */
  open(inode: Inode, flags: number): FileDescription | number {
    return openLayer(this.layerCaller, this.#mounts.get(inode.superBlock)!, inode, flags);
  }
  /** All that a directory of a layer (the upper one or another) has, whiteouts too; or -errno. */
  listUpper(directory: Inode): LayerEntry[] | number {
    return listLayer(this.layerCaller, this.#mounts.get(directory.superBlock)!, directory, MAX_ENTRIES);
  }
  /** What programs see in a directory, at most `most` names. */
  list(directory: OverlayDirectory, most: number): string[] | number {
    const file = new OverlayDirectoryDescription(O_RDONLY | O_DIRECTORY, directory);
    file.position = 2;
    const names: string[] = [];
    const emitter: DirectoryEmitter = { emit: (name) => names.length < most && names.push(name) > 0 };
    const result = file.readEntries(emitter);
    file.decRef();
    return result < 0 ? result : names;
  }
  /** Counts entries of snapshots: false when there are too many. */
  chargeSnapshot(entries: number): boolean {
    if (this.#snapshotEntries + entries > MAX_SNAPSHOT_ENTRIES) return false;
    this.#snapshotEntries += entries;
    return true;
  }

  // -- Identity.

  /**
   * The object for what the layers have under a name (seen as `name` in `parent`, unless that is null), with a reference for the caller. Takes over one
   * reference of each inode.
   */
  adopt(upper: Inode | null, lowers: Inode[], parent: OverlayDirectory | null, name: string): OverlayInode {
    if (upper === null && this.#links.size > 0) {
      upper = this.#links.get(lowers[0])?.upper ?? null;
      upper?.incRef();
    }
    const known = this.#byReal.get(upper ?? lowers[0]);
    let inode: OverlayInode;
    if (known === undefined) {
      inode = this.#newInode(upper, lowers);
      this.#byReal.set(upper ?? lowers[0], inode);
    } else {
      inode = known;
      inode.incRef();
      upper?.decRef();
      if (inode instanceof OverlayDirectory && !isEqual(inode.lowers, lowers)) inode.setLowers(lowers);
      else for (const lower of lowers) lower.decRef();
      inode.sync();
    }
    if (parent !== null) inode.setPlace(parent, name);
    return inode;
  }

  #newInode(upper: Inode | null, lowers: Inode[]): OverlayInode {
    const real = upper ?? lowers[0];
    const ino = upper !== null ? this.upperIno(upper.ino) : this.lowerIno(this.inoBase(real), real.ino);
    if (real.isDirectory) return new OverlayDirectory(this, ino, upper, lowers);
    const lower = lowers.length > 0 ? lowers[0] : null;
    return real.isRegular ? new OverlayFile(this, ino, upper, lower) : new OverlayNode(this, ino, upper, lower);
  }

  /** The inode number that programs see of an object in the upper layer. */
  upperIno(ino: number): number {
    return this.#origins.get(ino) ?? ino;
  }
  /** Where the numbers of the lower file system begin that `inode` is on; and the number of one of its objects. */
  inoBase(inode: Inode): number {
    const device = inode instanceof HostInode ? inode.device : inode.superBlock;
    let index = this.#deviceIndex.get(device);
    if (index === undefined) {
      index = Math.min(this.#deviceIndex.size, MAX_DEVICES - 1);
      this.#deviceIndex.set(device, index);
    }
    return (index + 1) * INO_SPACE;
  }
  lowerIno(base: number, ino: number): number {
    return base + (ino < INO_SPACE ? ino : ino % INO_SPACE);
  }

  /** The object is not used any more. */
  forget(inode: OverlayInode): void {
    for (const real of [inode.upper, inode.lower]) if (real !== null && this.#byReal.get(real) === inode) this.#byReal.delete(real);
    if (inode.upper !== null && inode.upper.nlink === 0) this.#forgetUpper(inode.upper);
  }

  // -- What is remembered of copied, linked and moved objects.

  /** `inode` has got an upper object. */
  copiedUp(inode: OverlayInode, upper: Inode): void {
    const { lower } = inode;
    this.#byReal.set(upper, inode);
    this.#origins.set(upper.ino, inode.ino);
    if (lower === null) return;
    if (this.#byReal.get(lower) === inode) this.#byReal.delete(lower);
    if (inode.isDirectory || (lower.nlink < 2 && !this.#links.has(lower))) return;
    const links = this.#makeLinks(lower);
    upper.incRef();
    links.upper = upper;
    this.#linksByUpper.set(upper, links);
  }

  #makeLinks(lower: Inode): Links {
    let links = this.#links.get(lower);
    if (links === undefined) {
      links = { lower, upper: null, delta: 0 };
      lower.incRef();
      this.#links.set(lower, links);
    }
    return links;
  }

  /** What all names of an object lead to, or null while that is nothing special. */
  linksOf(inode: OverlayInode): Links | null {
    if (this.#links.size === 0) return null;
    const links = inode.lower === null ? undefined : this.#links.get(inode.lower);
    return links ?? (inode.upper === null ? null : (this.#linksByUpper.get(inode.upper) ?? null));
  }

  /** The object got another name; it has an upper object. */
  nameAdded(inode: OverlayInode): void {
    const links = this.linksOf(inode);
    if (links !== null) links.delta++;
  }

  /** A name of the object is gone. */
  nameRemoved(inode: OverlayInode): void {
    const { lower, upper } = inode;
    let links = this.linksOf(inode);
    if (links === null && upper === null && lower !== null && !inode.isDirectory && lower.nlink > 1) links = this.#makeLinks(lower);
    if (links !== null) {
      links.delta--;
      if (links.lower.nlink + links.delta <= 0) this.#dropLinks(links, inode);
    } else if (upper === null) inode.removed++;
    if (upper !== null && (upper.nlink === 0 || inode.isDirectory) && links === null) this.#forgetUpper(upper);
  }
  #dropLinks(links: Links, inode: OverlayInode): void {
    this.#links.delete(links.lower);
    if (links.upper !== null) {
      this.#linksByUpper.delete(links.upper);
      links.upper.decRef();
    } else inode.removed = links.lower.nlink;
    links.lower.decRef();
  }

  #forgetUpper(upper: Inode): void {
    this.#origins.delete(upper.ino);
    const lowers = this.#moved.get(upper.ino);
    if (lowers === undefined) return;
    this.#moved.delete(upper.ino);
    for (const lower of lowers) lower.decRef();
  }

  /** Before a rename: what lies below a directory no longer follows from its name. 0 or -errno. */
  detach(inode: OverlayInode): number {
    if (!(inode instanceof OverlayDirectory)) return 0;
    const upper = inode.upper!;
    if (inode.lowers.length > 0) {
      if (!this.#moved.has(upper.ino)) {
        for (const lower of inode.lowers) lower.incRef();
        this.#moved.set(upper.ino, [...inode.lowers]);
      }
      return 0;
    }
    return this.upperLayer.makeOpaque(upper);
  }
  /** What lies below a directory that was renamed, each with a reference; null for others. */
  movedLowers(upper: Inode): Inode[] | null {
    const lowers = this.#moved.get(upper.ino);
    if (lowers === undefined) return null;
    for (const lower of lowers) lower.incRef();
    return [...lowers];
  }
  isMoved(inode: OverlayInode): boolean {
    return inode.upper !== null && this.#moved.has(inode.upper.ino);
  }

  // -- The whole.

  override statfs(caller: Caller, out: StatFs): number {
    const result = this.upperLayer.superBlock.statfs(caller, out);
    out.type = this.magic;
    out.fsidLow = this.device;
    return result;
  }
  override sync(caller: Caller): number {
    return this.upperLayer.superBlock.sync(caller);
  }
  override shutdown(): void {
    for (const links of [...this.#links.values()]) {
      links.upper?.decRef();
      links.lower.decRef();
    }
    this.#links.clear();
    this.#linksByUpper.clear();
    for (const lowers of this.#moved.values()) for (const lower of lowers) lower.decRef();
    this.#moved.clear();
    this.upperLayer.dispose();
    this.root.decRef();
    for (const mount of this.#mounts.values()) {
      mount.detached = true;
      if (mount.references === 0) mount.dispose();
    }
    this.#mounts.clear();
  }
}

function isEqual(a: readonly Inode[], b: readonly Inode[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
