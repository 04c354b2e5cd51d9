import { ELIBBAD, ELOOP, ENOENT, ENOEXEC } from '@sbx/abi';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Credentials } from '../../src/auth/credentials.js';
import { type LoadedImage, loadExecutable } from '../../src/loader/loader.js';
import { BASELINE_MACHINE, machine, readHostMachine } from '../../src/loader/machine.js';
import type { MemoryManager } from '../../src/mm/memory-manager.js';
import type { Task } from '../../src/task/task.js';
import { TestKernel } from '../mm/fixture.js';
import { BytesFile, hostFile } from './host-file.js';

const TRUE = '/bin/true';
let kernel: TestKernel;
beforeEach(() => {
  kernel = new TestKernel(256 * 2 ** 20);
});
afterEach(() => {
  expect(kernel.memory.totalUsage()).toBe(0);
  kernel.memory.destroy();
});

interface Loaded {
  image: LoadedImage | number;
  mm: MemoryManager;
}

function load(bytes: Uint8Array, options: { argv?: string[]; path?: string; files?: Record<string, Uint8Array> } = {}): Loaded {
  const mm = kernel.create();
  const image = loadExecutable({
    kernel,
    mm,
    file: new BytesFile(kernel.memory, bytes),
    path: options.path ?? TRUE,
    argv: options.argv ?? ['true', 'a b'],
    envp: ['HOME=/', 'X='],
    credentials: Credentials.forUser(7, 8),
    task: {} as Task,
    unreachable: false,
    open: (path) => {
      const own = options.files?.[path];
      return own !== undefined ? new BytesFile(kernel.memory, own) : hostFile(kernel.memory, path);
    },
  });
  return { image, mm };
}

function hostBytes(path: string): Uint8Array {
  const file = hostFile(kernel.memory, path);
  if (typeof file === 'number') throw new Error(path);
  return file.bytes;
}

const script = (text: string) => Buffer.from(text, 'latin1');

/** Reads the vectors from a new stack as libc does. */
function readStack(mm: MemoryManager, sp: number) {
  let at = sp;
  const word = () => {
    at += 8;
    return mm.readUint64(at - 8);
  };
  const strings = () => {
    const list: unknown[] = [];
    for (let p = word(); p !== 0; p = word()) list.push(mm.copyInString(p, 131072));
    return list;
  };
  const argc = word();
  const argv = strings();
  const envp = strings();
  const auxv = new Map<number, number>();
  for (let type = word(); type !== 0; type = word()) auxv.set(type, word());
  return { argc, argv, envp, auxv };
}

describe('loadExecutable', () => {
  it('loads a dynamic program with its interpreter, and a stack as the ABI has it', () => {
    const { image, mm } = load(hostBytes(TRUE));
    if (typeof image === 'number') throw new Error(`${image}`);
    expect(image.fatal).toBe(false);
    expect(image.stackPointer % 16).toBe(0);
    const stack = readStack(mm, image.stackPointer);
    expect(stack.argc).toBe(2);
    expect(stack.argv).toEqual(['true', 'a b']);
    expect(stack.envp).toEqual(['HOME=/', 'X=']);
    expect(mm.copyInString(stack.auxv.get(31)!, 100)).toBe(TRUE);
    expect(mm.copyInString(stack.auxv.get(15)!, 100)).toBe('x86_64');
    expect(stack.auxv.get(11)).toBe(7);
    expect(stack.auxv.get(13)).toBe(8);
    expect(stack.auxv.get(23)).toBe(0);
    // The interpreter's first bytes are at AT_BASE, the program headers at AT_PHDR, and the entry is in the interpreter's code.
    expect(mm.readUint32(stack.auxv.get(7)!)).toBe(0x464c457f);
    expect(mm.readUint32(stack.auxv.get(3)!)).toBe(6);
    expect(mm.vmas.find(image.entry)!.flags & 7).toBe(5);
    expect(stack.auxv.get(9)).not.toBe(image.entry);
    // Heap and stack are where maps will show them.
    expect(mm.layout.brk).toBeGreaterThan(mm.vmas.find(mm.layout.endData - 1)!.end - 1);
    const top = mm.vmas.find(image.stackPointer)!;
    expect(top.flags & 0x107).toBe(0x103);
    expect(top.end - top.start).toBe(0x21000);
    mm.decRef();
  });

  it('clears the tail of the data segment and what follows', () => {
    const { image, mm } = load(hostBytes(TRUE));
    if (typeof image === 'number') throw new Error(`${image}`);
    const tail = new Uint8Array(Math.ceil(mm.layout.endData / 4096) * 4096 - mm.layout.endData);
    expect(mm.copyIn(mm.layout.endData, tail, tail.length)).toBe(tail.length);
    expect(tail.every((byte) => byte === 0)).toBe(true);
    mm.decRef();
  });

  it('runs scripts through their interpreters', () => {
    const { image, mm } = load(script('#!/x one two\n'), { path: './s', argv: ['s', 'arg'], files: { '/x': script('#! /bin/true\n') } });
    if (typeof image === 'number') throw new Error(`${image}`);
    const { argv, auxv } = readStack(mm, image.stackPointer);
    expect(argv).toEqual(['/bin/true', '/x', 'one two', './s', 'arg']);
    expect(mm.copyInString(auxv.get(31)!, 100)).toBe('./s');
    mm.decRef();
  });

  it('gives the errors of execve', () => {
    const cases: [Uint8Array, number][] = [
      [script(''), -ENOEXEC],
      [script('echo hello\n'), -ENOEXEC],
      [script('#!/nonexistent\n'), -ENOENT],
      [script('#!/loop\n'), -ELOOP],
      [hostBytes(TRUE).subarray(0, 100), -ENOEXEC],
    ];
    for (const [bytes, errno] of cases) {
      const { image, mm } = load(bytes, { files: { '/loop': script('#!/loop\n') } });
      expect(image).toBe(errno);
      mm.decRef();
    }
    const { image, mm } = load(hostBytes(TRUE), { files: { '/lib64/ld-linux-x86-64.so.2': new Uint8Array(5000) } });
    expect(image).toBe(-ELIBBAD);
    mm.decRef();
  });

  it('survives arbitrary headers', () => {
    const original = hostBytes(TRUE).slice(0, 64 + 13 * 56);
    const word = fc.oneof(
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      fc.bigInt({ min: 0n, max: 2n ** 20n }),
      fc.constantFrom(0n, 0xfffn, 0x1000n, 2n ** 47n - 4096n, 2n ** 47n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 4096n, 2n ** 64n - 1n),
    );
    const edit = fc.record({ at: fc.integer({ min: 2, max: original.length / 8 - 1 }), value: word });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 12 }), (edits) => {
        const bytes = original.slice();
        const view = new DataView(bytes.buffer);
        for (const { at, value } of edits) view.setBigUint64(at * 8, value, true);
        // Keep it an x86-64 file with that many headers, or most edits would change nothing.
        view.setUint16(18, 62, true);
        view.setUint16(54, 56, true);
        view.setUint16(56, 13, true);
        const { image, mm } = load(bytes);
        if (typeof image === 'number') expect(image).toBeLessThan(0);
        mm.decRef();
        expect(kernel.memory.totalUsage()).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});

describe('readHostMachine', () => {
  it('takes over what the host says, and keeps the baseline without it', () => {
    readHostMachine('/nonexistent');
    expect(machine).toEqual(BASELINE_MACHINE);
    readHostMachine();
    expect(machine.hwcap & BASELINE_MACHINE.hwcap).toBe(BASELINE_MACHINE.hwcap);
  });
});
