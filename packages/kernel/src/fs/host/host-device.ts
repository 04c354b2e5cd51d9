import {
  AFS_SUPER_MAGIC,
  BINDERFS_SUPER_MAGIC,
  BINFMTFS_MAGIC,
  BPF_FS_MAGIC,
  CEPH_SUPER_MAGIC,
  CGROUP_SUPER_MAGIC,
  CGROUP2_SUPER_MAGIC,
  CIFS_SUPER_MAGIC,
  CODA_SUPER_MAGIC,
  DEBUGFS_MAGIC,
  DEVPTS_SUPER_MAGIC,
  EFIVARFS_MAGIC,
  FUSE_SUPER_MAGIC,
  NCP_SUPER_MAGIC,
  NFS_SUPER_MAGIC,
  NSFS_MAGIC,
  OCFS2_SUPER_MAGIC,
  PROC_SUPER_MAGIC,
  PSTOREFS_MAGIC,
  SECURITYFS_MAGIC,
  SELINUX_MAGIC,
  SMACK_MAGIC,
  SMB_SUPER_MAGIC,
  SMB2_SUPER_MAGIC,
  SYSFS_MAGIC,
  TRACEFS_MAGIC,
  V9FS_MAGIC,
} from '@sbx/abi';
import { hostAddress, hostCall, hostNumber, hostWords, STRUCT_AT } from '../../host/host.js';
import type { HostInode } from './host-inode.js';

const SYS_FSTATFS = hostNumber('fstatfs');

/** File systems where a call may wait for another machine or process. (The last two: lustre, gpfs.) */
const SLOW: ReadonlySet<number> = new Set([
  AFS_SUPER_MAGIC,
  CEPH_SUPER_MAGIC,
  CIFS_SUPER_MAGIC,
  CODA_SUPER_MAGIC,
  FUSE_SUPER_MAGIC,
  NCP_SUPER_MAGIC,
  NFS_SUPER_MAGIC,
  OCFS2_SUPER_MAGIC,
  SMB2_SUPER_MAGIC,
  SMB_SUPER_MAGIC,
  V9FS_MAGIC,
  0x0bd00bd0,
  0x47504653,
]);

/** File systems through which the host's kernel shows and changes itself: never entered from another one. (The last ones: configfs, fusectl, mqueue.) */
const KERNEL: ReadonlySet<number> = new Set([
  BINDERFS_SUPER_MAGIC,
  BINFMTFS_MAGIC,
  BPF_FS_MAGIC,
  CGROUP2_SUPER_MAGIC,
  CGROUP_SUPER_MAGIC,
  DEBUGFS_MAGIC,
  DEVPTS_SUPER_MAGIC,
  EFIVARFS_MAGIC,
  NSFS_MAGIC,
  PROC_SUPER_MAGIC,
  PSTOREFS_MAGIC,
  SECURITYFS_MAGIC,
  SELINUX_MAGIC,
  SMACK_MAGIC,
  SYSFS_MAGIC,
  TRACEFS_MAGIC,
  0x62656570,
  0x65735543,
  0x19800202,
]);

/** One file system of the host that a mount shows: a host directory may contain mount points. */
export class HostDevice {
  /** Inodes in use, by inode number. */
  readonly inodes = new Map<number | string, HostInode>();
  /** Its calls may take long: contents are read and written in the thread pool. */
  readonly slow: boolean;
  /** Shows the host's kernel: nothing in it can be opened or entered. */
  readonly forbidden: boolean;
  /** Reads can be asked not to wait for the disk (RWF_NOWAIT). Found out at the first read. */
  readsWithoutWaiting = true;

  /**
   * @param hostDevice - `st_dev` on the host
   * @param device - `st_dev` that programs see
   * @param type - `f_type`
   */
  constructor(
    readonly hostDevice: number,
    readonly device: number,
    readonly type: number,
    isRoot: boolean,
  ) {
    this.slow = SLOW.has(type);
    this.forbidden = !isRoot && KERNEL.has(type);
  }
}

/** Key of an inode number in `HostDevice.inodes`: a number where it is exact. @hotpath */
export function inodeKey(low: number, high: number): number | string {
  return high < 2 ** 21 ? high * 2 ** 32 + low : `${high}:${low}`;
}

/** The inode number that programs see: the host's, folded to 53 bits where it is larger (some network and FUSE file systems). @hotpath */
export function visibleIno(low: number, high: number): number {
  return high < 2 ** 21 ? high * 2 ** 32 + low : ((high ^ (high >>> 21)) & 0x1fffff) * 2 ** 32 + low;
}

/** `f_type` of the file system that `fd` is on, or 0. */
export function fileSystemType(fd: number): number {
  return hostCall(SYS_FSTATFS, fd, hostAddress + STRUCT_AT) < 0 ? 0 : hostWords[STRUCT_AT >>> 2];
}
