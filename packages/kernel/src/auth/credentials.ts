/** All capability bits of Linux 6.1 (0..40), as a lo/hi pair. */
export const CAP_ALL_LOW = 0xffffffff;
export const CAP_ALL_HIGH = 0x1ff;

/**
 * A task's identity: user and group ids, supplementary groups, capabilities (credentials(7), capabilities(7)). Copied before a change; threads each have
 * their own, as in Linux.
 *
 * @example
 * import { CAP_SYS_ADMIN } from '@sbx/abi';
 * import { Credentials } from '@sbx/kernel';
 *
 * const user = Credentials.forUser(1000, 1000, [27]);
 * user.capable(CAP_SYS_ADMIN); // false
 * user.inGroup(27); // true
 * Credentials.forUser(0, 0).capable(CAP_SYS_ADMIN); // true
 */
export class Credentials {
  ruid = 0;
  euid = 0;
  suid = 0;
  fsuid = 0;
  rgid = 0;
  egid = 0;
  sgid = 0;
  fsgid = 0;
  groups: readonly number[] = [];
  permittedLow = 0;
  permittedHigh = 0;
  effectiveLow = 0;
  effectiveHigh = 0;
  inheritableLow = 0;
  inheritableHigh = 0;
  boundingLow = CAP_ALL_LOW;
  boundingHigh = CAP_ALL_HIGH;
  ambientLow = 0;
  ambientHigh = 0;
  securebits = 0;
  noNewPrivs = false;
  keepCaps = false;
  dumpable = 1;

  /** Credentials of a user; uid 0 has all capabilities (of the sandbox: never of the host). */
  static forUser(uid: number, gid: number, groups: readonly number[] = []): Credentials {
    const c = new Credentials();
    c.ruid = c.euid = c.suid = c.fsuid = uid;
    c.rgid = c.egid = c.sgid = c.fsgid = gid;
    c.groups = groups;
    if (uid === 0) {
      c.permittedLow = c.effectiveLow = CAP_ALL_LOW;
      c.permittedHigh = c.effectiveHigh = CAP_ALL_HIGH;
    }
    return c;
  }

  /** Credentials of their own for a task that is about to change them. */
  copy(): Credentials {
    return Object.assign(new Credentials(), this);
  }

  /** Whether capability number `cap` (CAP_*) is effective. */
  capable(cap: number): boolean {
    return cap < 32 ? ((this.effectiveLow >>> cap) & 1) === 1 : ((this.effectiveHigh >>> (cap - 32)) & 1) === 1;
  }

  /** Whether `gid` is the file-system group or one of the supplementary groups. */
  inGroup(gid: number): boolean {
    return gid === this.fsgid || this.groups.includes(gid);
  }
}
