import { staleOutputs } from '@sbx/gen';
import { describe, expect, it } from 'vitest';
import config from '../../gen.config.js';
import { full } from './entry.js';
import { createSyscallTable, syscallEntries } from './table.js';

describe('the system-call table', () => {
  it('is what docs/syscalls.md was generated from', () => {
    expect(staleOutputs(new URL('../..', import.meta.url), config)).toEqual([]);
  });
  it('says of every partly served call what is missing', () => {
    expect(syscallEntries.filter((entry) => entry.support !== 'full' && entry.note === '').map((entry) => entry.name)).toEqual([]);
  });
  it('refuses two handlers for one call, and names that Linux does not have', () => {
    const none = (): number => 0;
    expect(() => createSyscallTable([full('read', none), full('read', none)])).toThrow(/two handlers for read/);
    expect(() => createSyscallTable([full('fnord', none)])).toThrow(/no fnord/);
  });
});
