import { OVERCOMMIT_GUESS, OVERCOMMIT_NEVER } from '@sbx/abi';
import type { Memory } from '@sbx/platform';
import { PAGE_SIZE } from './constants.js';

const accounts = new WeakMap<Memory, CommitAccount>();

/** What all programs of a sandbox together may claim (Linux's vm_committed_as, Documentation/mm/overcommit-accounting): pages. */
export class CommitAccount {
  /** Pages that writable private mappings could come to need (Committed_AS). */
  committed = 0;
  /** OVERCOMMIT_*: vm.overcommit_memory. */
  mode = OVERCOMMIT_GUESS;
  /** vm.overcommit_ratio, in percent: for OVERCOMMIT_NEVER. */
  ratio = 50;

  private constructor(
    /** Pages of memory that the sandbox may use at most. */
    readonly totalPages: number,
  ) {}

  /** The account of the sandbox whose application memory is `memory`. */
  static of(memory: Memory, limit: number): CommitAccount {
    let account = accounts.get(memory);
    if (account === undefined) {
      account = new CommitAccount(Math.floor(limit / PAGE_SIZE));
      accounts.set(memory, account);
    }
    return account;
  }

  /** Pages that OVERCOMMIT_NEVER permits (CommitLimit). */
  get limit(): number {
    return Math.floor((this.totalPages * this.ratio) / 100);
  }

  /** Claims `pages`, or returns false (-ENOMEM for the program). */
  charge(pages: number): boolean {
    if (this.mode === OVERCOMMIT_GUESS && pages > this.totalPages) return false;
    if (this.mode === OVERCOMMIT_NEVER && this.committed + pages > this.limit) return false;
    this.committed += pages;
    return true;
  }
  uncharge(pages: number): void {
    this.committed -= pages;
  }
}
