/** Who gets SIGIO and SIGURG of a description (F_SETOWN, F_SETOWN_EX, F_SETSIG), with the identity that the setter had. */
export class FileOwner {
  /** F_OWNER_TID, F_OWNER_PID or F_OWNER_PGRP. */
  kind = 0;
  /** Thread, process or process-group id; 0: nobody. */
  id = 0;
  /** The signal instead of SIGIO, or 0. */
  signal = 0;
  /** Whose permission the sending is checked against. */
  uid = 0;
  euid = 0;
}
