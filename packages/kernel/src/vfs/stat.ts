/**
 * The attributes of a file as stat(2) and statx(2) show them. Plain and reused: `Inode.getAttributes` fills every field.
 */
export class Stat {
  /** Device that holds the file, and what the file is if it is a device (device-number.ts). */
  device = 0;
  rdev = 0;
  ino = 0;
  mode = 0;
  nlink = 0;
  uid = 0;
  gid = 0;
  size = 0;
  blockSize = 4096;
  /** In units of 512 bytes. */
  blocks = 0;
  atimeSec = 0;
  atimeNsec = 0;
  mtimeSec = 0;
  mtimeNsec = 0;
  ctimeSec = 0;
  ctimeNsec = 0;
  /** Time of birth, when `hasBirthTime`. */
  btimeSec = 0;
  btimeNsec = 0;
  hasBirthTime = false;
  /** STATX_ATTR_* that are set, and those that the file system knows. */
  attributes = 0;
  attributesMask = 0;
}

/** What statfs(2) shows of a file system. Reused; `SuperBlock.statfs` fills every field. */
export class StatFs {
  /** Magic number (…_MAGIC). */
  type = 0;
  blockSize = 4096;
  blocks = 0;
  blocksFree = 0;
  blocksAvailable = 0;
  files = 0;
  filesFree = 0;
  fsidLow = 0;
  fsidHigh = 0;
  nameMax = 255;
  fragmentSize = 4096;
}
