/** Files and file systems: `stat.h`, `statfs.h`, `dirent.h`, `fcntl.h`, `openat2.h`, `fs.h`, `inotify.h`. `struct stat` itself is in `arch/`. */
import { array, bytes, pad, struct } from '../codec/composite.js';
import { i16, i32, i64, long, ptr, u8, u16, u32, u64, ulong } from '../codec/scalar.js';

export const StatxTimestamp = struct('struct statx_timestamp', { tv_sec: i64, tv_nsec: u32, __reserved: pad(4, 4) });
/** statx(2). */
export const Statx = struct('struct statx', {
  stx_mask: u32,
  stx_blksize: u32,
  stx_attributes: u64,
  stx_nlink: u32,
  stx_uid: u32,
  stx_gid: u32,
  stx_mode: u16,
  __spare0: pad(2, 2),
  stx_ino: u64,
  stx_size: u64,
  stx_blocks: u64,
  stx_attributes_mask: u64,
  stx_atime: StatxTimestamp,
  stx_btime: StatxTimestamp,
  stx_ctime: StatxTimestamp,
  stx_mtime: StatxTimestamp,
  stx_rdev_major: u32,
  stx_rdev_minor: u32,
  stx_dev_major: u32,
  stx_dev_minor: u32,
  stx_mnt_id: u64,
  stx_dio_mem_align: u32,
  stx_dio_offset_align: u32,
  __spare3: pad(96, 8),
});
/** statfs(2), fstatfs(2). */
export const Statfs = struct('struct statfs', {
  f_type: long,
  f_bsize: long,
  f_blocks: long,
  f_bfree: long,
  f_bavail: long,
  f_files: long,
  f_ffree: long,
  f_fsid: array(i32, 2),
  f_namelen: long,
  f_frsize: long,
  f_flags: long,
  f_spare: pad(32, 8),
});
/** getdents64(2): the fixed part; the name follows at `d_name`'s offset, see {@link writeDirent64}. */
export const LinuxDirent64 = struct(
  'struct linux_dirent64',
  { d_ino: u64, d_off: i64, d_reclen: u16, d_type: u8, d_name: bytes(0) },
  { align: 8 },
);
/** getdents(2), the old form: `d_type` is the record's last byte. */
export const LinuxDirent = struct('struct linux_dirent', { d_ino: ulong, d_off: ulong, d_reclen: u16, d_name: bytes(0) });

/** Bytes of a {@link LinuxDirent64} record with a name of `nameLength` bytes. */
export const dirent64Size = (nameLength: number): number => (19 + nameLength + 1 + 7) & ~7;

/**
 * Writes one record of getdents64(2) at `offset`: header, NUL-terminated name (a byte string), zeroes up to the next multiple of 8.
 *
 * @param next the d_off cookie: where reading continues after this entry
 * @returns bytes written, or 0 if it does not fit before `limit`
 *
 * @example
 * import { DT_REG, dirent64Size, LinuxDirent64, writeDirent64 } from '@sbx/abi';
 *
 * const view = new DataView(new ArrayBuffer(64));
 * writeDirent64(view, 0, 64, 7, 1, DT_REG, 'hello'); // 32
 * dirent64Size(5); // 32
 * LinuxDirent64.fields.d_ino.get(view, 0); // 7
 * writeDirent64(view, 40, 64, 8, 2, DT_REG, 'hello'); // 0: 24 bytes are too few
 */
export function writeDirent64(
  view: DataView,
  offset: number,
  limit: number,
  ino: number,
  next: number,
  type: number,
  name: string,
): number {
  const size = dirent64Size(name.length);
  if (offset + size > limit) return 0;
  LinuxDirent64.fields.d_ino.set(view, offset, ino);
  LinuxDirent64.fields.d_off.set(view, offset, next);
  view.setUint16(offset + 16, size, true);
  view.setUint8(offset + 18, type);
  for (let i = 0; i < name.length; i++) view.setUint8(offset + 19 + i, name.charCodeAt(i));
  for (let i = 19 + name.length; i < size; i++) view.setUint8(offset + i, 0);
  return size;
}

/** fcntl(2) record locks. */
export const Flock = struct('struct flock', { l_type: i16, l_whence: i16, l_start: i64, l_len: i64, l_pid: i32 });
/** F_SETOWN_EX, F_GETOWN_EX. */
export const FOwnerEx = struct('struct f_owner_ex', { type: i32, pid: i32 });
/** openat2(2). */
export const OpenHow = struct('struct open_how', { flags: u64, mode: u64, resolve: u64 });
export const OPEN_HOW_SIZE_VER0 = 24;
/** name_to_handle_at(2): the fixed part. */
export const FileHandle = struct('struct file_handle', { handle_bytes: u32, handle_type: i32, f_handle: bytes(0) });
/** mount_setattr(2). */
export const MountAttr = struct('struct mount_attr', { attr_set: u64, attr_clr: u64, propagation: u64, userns_fd: u64 });
/** inotify(7): the fixed part; `len` bytes of name follow. */
export const InotifyEvent = struct('struct inotify_event', { wd: i32, mask: u32, cookie: u32, len: u32, name: bytes(0) });

/** readv(2) and friends. */
export const Iovec = struct('struct iovec', { iov_base: ptr, iov_len: ulong });

/** FICLONERANGE. */
export const FileCloneRange = struct('struct file_clone_range', { src_fd: i64, src_offset: u64, src_length: u64, dest_offset: u64 });
/** FITRIM. */
export const FstrimRange = struct('struct fstrim_range', { start: u64, len: u64, minlen: u64 });
/** FS_IOC_FSGETXATTR, FS_IOC_FSSETXATTR. */
export const Fsxattr = struct('struct fsxattr', {
  fsx_xflags: u32,
  fsx_extsize: u32,
  fsx_nextents: u32,
  fsx_projid: u32,
  fsx_cowextsize: u32,
  fsx_pad: pad(8),
});
/** FS_IOC_FIEMAP: the fixed part; extents follow. */
export const Fiemap = struct('struct fiemap', {
  fm_start: u64,
  fm_length: u64,
  fm_flags: u32,
  fm_mapped_extents: u32,
  fm_extent_count: u32,
  fm_reserved: pad(4, 4),
});
export const FiemapExtent = struct('struct fiemap_extent', {
  fe_logical: u64,
  fe_physical: u64,
  fe_length: u64,
  fe_reserved64: pad(16, 8),
  fe_flags: u32,
  fe_reserved: pad(12, 4),
});

/**
 * The device number of st_dev and st_rdev, as the kernel encodes it for programs (12 bits of major, 20 of minor).
 *
 * @example
 * import { major, makedev, minor } from '@sbx/abi';
 *
 * makedev(1, 3); // 0x103: /dev/null
 * makedev(8, 256); // 0x100800
 * major(0x100800); // 8
 * minor(0x100800); // 256
 */
export const makedev = (major: number, minor: number): number =>
  ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xfff00) << 12)) >>> 0;
/** Major number of a device number. */
export const major = (dev: number): number => (dev >>> 8) & 0xfff;
/** Minor number of a device number. */
export const minor = (dev: number): number => (dev & 0xff) | ((dev >>> 12) & 0xfff00);
