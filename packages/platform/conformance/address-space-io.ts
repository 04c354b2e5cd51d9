import { ACCESS_READ, type AddressSpace, type AddressSpaceIO, PAGE_SIZE, SegmentationFault } from '@sbx/platform';
import { describe, expect, test } from 'vitest';
import { type MakePlatform, RW, useMachine } from './harness.js';
import { DATA, DATA_PAGES, READ_ONLY, UNMAPPED } from './layout.js';

const END = DATA + DATA_PAGES * PAGE_SIZE;

/** Access to application memory through the address space, on platforms that have it. */
export function addressSpaceIOSuite(make: MakePlatform): void {
  describe('AddressSpaceIO', () => {
    const machine = useMachine(make);

    test('is there exactly when the platform says so', async () => {
      const as = await machine().emptySpace();
      expect('copyOut' in as).toBe(machine().platform.supportsAddressSpaceIO);
    });

    test('copies, zeroes, swaps, and reports the first bad address', async () => {
      const { as, data } = await machine().space();
      const io = as as AddressSpace & AddressSpaceIO;
      const bytes = Uint8Array.from({ length: 6000 }, (_, i) => i % 251);
      if (!machine().platform.supportsAddressSpaceIO) {
        // Using it is a programming error, and changes nothing.
        expect(() => io.copyOut(DATA, bytes)).toThrow();
        expect(() => io.copyIn(DATA, bytes)).toThrow();
        expect(() => io.zeroOut(DATA, 1)).toThrow();
        expect(() => io.swapUint32(DATA, 1)).toThrow();
        expect(() => io.compareAndSwapUint32(DATA, 0, 1)).toThrow();
        expect(data.i32[0]).toBe(0);
        return;
      }
      expect(io.copyOut(DATA + 100, bytes)).toBe(6000);
      expect(data.bytes.subarray(100, 6100)).toEqual(bytes);
      const back = new Uint8Array(6000);
      expect(io.copyIn(DATA + 100, back)).toBe(6000);
      expect(back).toEqual(bytes);
      expect(io.zeroOut(DATA + 4000, 1000)).toBe(1000);
      expect(data.bytes.subarray(4000, 5000).every((x) => x === 0)).toBe(true);
      expect(data.bytes[5000]).toBe(bytes[4900]);

      expect(io.copyOut(END - 10, bytes)).toBe(10);
      expect(io.lastFault).toBeInstanceOf(SegmentationFault);
      expect(io.lastFault?.message).toBe(`segmentation fault at 0x${END.toString(16)}`);
      expect(io.copyIn(UNMAPPED, back)).toBe(0);
      expect(io.lastFault?.addr).toBe(UNMAPPED);
      expect(io.copyOut(READ_ONLY, bytes)).toBe(0);
      expect(io.copyIn(READ_ONLY, back.subarray(0, PAGE_SIZE))).toBe(PAGE_SIZE);
      expect(io.zeroOut(END - 3, 4)).toBe(3);

      data.i32[0] = 41;
      expect(io.swapUint32(DATA, 0xffff_fff0)).toBe(41);
      expect(io.swapUint32(DATA, 7)).toBe(0xffff_fff0);
      expect(io.compareAndSwapUint32(DATA, 8, 9)).toBe(7);
      expect(io.compareAndSwapUint32(DATA, 7, 9)).toBe(7);
      expect(data.i32[0]).toBe(9);
      expect(io.swapUint32(UNMAPPED, 1)).toBe(-1);
      expect(() => io.swapUint32(DATA + 2, 1)).toThrow(RangeError);
      expect(io.compareAndSwapUint32(READ_ONLY, 0, 1)).toBe(-1);

      for (const address of [0, 2 ** 47 - PAGE_SIZE, 2 ** 47, 2 ** 52]) {
        expect(io.copyIn(address, back)).toBe(0);
        expect(io.lastFault?.addr).toBe(address);
      }

      const page = machine().pages();
      machine().map(as, UNMAPPED, page, RW);
      expect(io.copyOut(UNMAPPED, bytes)).toBe(PAGE_SIZE);
      machine().map(as, UNMAPPED, page, ACCESS_READ);
      expect(io.copyOut(UNMAPPED, bytes)).toBe(0);
      as.unmap(UNMAPPED, PAGE_SIZE);
      expect(io.copyIn(UNMAPPED, back)).toBe(0);
    });
  });
}
