import type { ThreadGroup } from './thread-group.js';

/** The controlling terminal as sessions see it. */
export interface ControllingTerminal {
  /** Id of the foreground process group, or 0. */
  readonly foreground: number;
  readonly session: Session | null;
  /** Its device number, for /proc/PID/stat. */
  readonly device: number;
  /** Becomes the controlling terminal of `session`. */
  attach(session: Session, foreground: number): void;
  /** The session leader exits: SIGHUP goes to the foreground group, the terminal is free. */
  leaderExits(): void;
}

/** A session (setsid(2)): process groups that share a controlling terminal. */
export class Session {
  readonly groups = new Set<ProcessGroup>();
  terminal: ControllingTerminal | null = null;
  /** Id of the foreground group when the terminal was hung up, or 0: it is signalled when the leader exits. */
  previousForeground = 0;
  /** @param id - pid of the session leader */
  constructor(readonly id: number) {}
}

/** A process group (setpgid(2)): what job control signals as a whole. */
export class ProcessGroup {
  readonly members = new Set<ThreadGroup>();
  constructor(
    readonly id: number,
    readonly session: Session,
  ) {
    session.groups.add(this);
  }

  /** Whether no member has a parent in another group of the same session: then terminal stop signals have no effect. */
  get isOrphaned(): boolean {
    for (const member of this.members) {
      const parent = member.parent;
      if (parent !== null && parent.processGroup !== this && parent.session === this.session) return false;
    }
    return true;
  }
}
