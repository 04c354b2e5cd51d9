import { describe, expect, it } from 'vitest';
import { makeTables } from '../../test/walker.js';
import * as amd64 from './index.js';

const { Segment, SegmentDescriptor, SegmentFlags, Vector } = amd64;

describe('addresses', () => {
  it('limits come from CPUID 0x80000008, and more than 48 virtual bits are not used', () => {
    expect(amd64.addressLimits(0x3027)).toEqual({
      virtualBits: 48,
      physicalBits: 39,
      userspaceSize: 0x8000_0000_0000,
      maximumUserAddress: 0x7fff_ffff_f000,
      kernelStartAddress: -0x8000_0000_0000,
    });
    expect(amd64.addressLimits(0x3934)).toMatchObject({ virtualBits: 48, physicalBits: 52 });
    expect(amd64.addressLimits(0)).toMatchObject({ virtualBits: 48, physicalBits: 36 });
    expect(amd64.addressLimits(0x2f28)).toMatchObject({ virtualBits: 47, userspaceSize: 2 ** 46 });
  });

  it('are sign-extended numbers, and their words those of the hardware', () => {
    const cases: [number, bigint][] = [
      [0, 0n],
      [0x7fff_ffff_ffff, 0x7fff_ffff_ffffn],
      [-1, 0xffff_ffff_ffff_ffffn],
      [amd64.KERNEL_AREA_ADDRESS, 0xffff_ffff_8000_0000n],
      [-(2 ** 47), 0xffff_8000_0000_0000n],
      [-(2 ** 32), 0xffff_ffff_0000_0000n],
    ];
    for (const [address, value] of cases) {
      expect(BigInt(amd64.lowWord(address)) | (BigInt(amd64.highWord(address)) << 32n)).toBe(value);
      expect(amd64.addressOf(amd64.lowWord(address), amd64.highWord(address))).toBe(address);
      expect(amd64.isCanonical(address)).toBe(true);
    }
    for (const high of [0x8000, 0xffff, 0xffff_7fff, 0x8000_0000, 0x7fff_ffff]) {
      expect(amd64.isCanonicalHigh(high)).toBe(false);
      expect(amd64.addressOf(5, high)).toBeNaN();
    }
    expect(amd64.isCanonicalHigh(0xffff_8000)).toBe(true);
    expect(amd64.isCanonicalHigh(0x7fff)).toBe(true);
    expect(amd64.isCanonical(2 ** 47)).toBe(false);
    expect(amd64.isCanonical(-(2 ** 47) - 1)).toBe(false);
    expect(amd64.isCanonical(2 ** 46, 47)).toBe(false);
    expect(amd64.isCanonical(Number.NaN)).toBe(false);
  });
});

describe('segments', () => {
  it('the GDT is in the order that SYSCALL and SYSRET need', () => {
    const star = amd64.STAR_HIGH;
    const [syscall, sysret] = [star & 0xffff, star >>> 16];
    expect([syscall, syscall + 8]).toEqual([amd64.KCODE, amd64.KDATA]);
    expect([sysret + 8, sysret + 16]).toEqual([amd64.UDATA, amd64.UCODE64]);
    expect([amd64.KCODE, amd64.KDATA, amd64.UCODE32, amd64.UDATA, amd64.UCODE64, amd64.TSS]).toEqual([0x10, 0x18, 0x23, 0x2b, 0x33, 0x38]);
  });

  it('descriptors keep base, limit, flags and privilege, and are what Linux loads', () => {
    const descriptor = new SegmentDescriptor();
    descriptor.setData(0x1234_5678, 0xfff, 3);
    expect([descriptor.base(), descriptor.limit(), descriptor.dpl()]).toEqual([0x1234_5678, 0xfff, 3]);
    expect(descriptor.flags()).toBe(
      SegmentFlags.Access | SegmentFlags.Write | SegmentFlags.Present | SegmentFlags.System | SegmentFlags.Db,
    );
    descriptor.setData(0xfedc_ba98, 0x1000, 0);
    expect(descriptor.flags() & SegmentFlags.Granularity).toBeTruthy();
    expect([descriptor.base(), descriptor.limit(), descriptor.dpl()]).toEqual([0xfedc_ba98, 0x1fff, 0]);
    // The values of Linux's GDT on x86_64 (arch/x86/kernel/cpu/common.c).
    const word = () => (BigInt(descriptor.high) << 32n) | BigInt(descriptor.low);
    descriptor.setCode64(0, 0xffff_ffff, 0);
    expect(word()).toBe(0x00af_9b00_0000_ffffn);
    descriptor.setCode64(0, 0xffff_ffff, 3);
    expect(word()).toBe(0x00af_fb00_0000_ffffn);
    descriptor.setCode32(0, 0xffff_ffff, 3);
    expect(word()).toBe(0x00cf_fb00_0000_ffffn);
    descriptor.setData(0, 0xffff_ffff, 3);
    expect(word()).toBe(0x00cf_f300_0000_ffffn);
    expect([descriptor.base(), descriptor.limit()]).toEqual([0, 0xffff_ffff]);
    descriptor.setNull();
    expect([descriptor.low, descriptor.high]).toEqual([0, 0]);
  });

  it('the GDT holds the nine entries and nulls', () => {
    const words = new Uint32Array(amd64.GDT_ENTRIES * 2 + 2).fill(0xffff_ffff);
    amd64.writeGdt(words, amd64.KERNEL_AREA_ADDRESS + 0x484, amd64.TSS_SIZE - 1);
    const at = (index: number) => new SegmentDescriptor(words, index);
    expect(at(Segment.Null).high | at(Segment.Null).low | at(Segment.Reserved).high | at(9).high | at(31).low).toBe(0);
    expect(words[64]).toBe(0xffff_ffff);
    expect(at(Segment.UserCode64).flags() & SegmentFlags.Long).toBeTruthy();
    expect(at(Segment.UserCode32).flags() & SegmentFlags.Long).toBe(0);
    const tss = at(Segment.Tss);
    expect([tss.base(), tss.limit(), tss.dpl(), at(Segment.TssHigh).low]).toEqual([0x8000_0484, 103, 0, 0xffff_ffff]);
    // Type 9, available 64-bit TSS; S clear; present.
    expect((tss.high >>> 8) & 0xff).toBe(0x89);
  });
});

describe('gates', () => {
  it('hold address, selector, type, privilege and stack', () => {
    const gate = new amd64.Gate64();
    gate.setInterrupt(amd64.KCODE, -0x7edc_ba99, 3, 7);
    expect([gate.address(), gate.selector(), gate.type(), gate.present(), gate.dpl(), gate.ist()]).toEqual([
      -0x7edc_ba99,
      0x10,
      14,
      true,
      3,
      7,
    ]);
    expect([...gate.words]).toEqual([0x0010_4567, 0x8123_ee07, 0xffff_ffff, 0]);
    gate.setTrap(amd64.KCODE, 0x7fff_1234_5678, 0, 0);
    expect([gate.address(), gate.type(), gate.dpl(), gate.ist()]).toEqual([0x7fff_1234_5678, 15, 0, 0]);
  });

  it('an IDT has 256 present gates on IST stacks; ring 3 may call three of them', () => {
    const words = new Uint32Array(amd64.IDT_SIZE / 4);
    amd64.writeIdt(words, (vector) => amd64.KERNEL_AREA_ADDRESS + 0x1000 + vector * 16);
    const user: number[] = [];
    for (let vector = 0; vector < 256; vector++) {
      const gate = new amd64.Gate64(words, vector);
      expect([gate.present(), gate.type(), gate.selector()]).toEqual([true, amd64.GateType.Interrupt, amd64.KCODE]);
      expect(gate.address()).toBe(amd64.KERNEL_AREA_ADDRESS + 0x1000 + vector * 16);
      expect(gate.ist()).toBeGreaterThan(0);
      if (gate.dpl() === 3) user.push(vector);
    }
    expect(user).toEqual([3, 4, 0x80]);
    const own = [Vector.NMI, Vector.DoubleFault, Vector.MachineCheck].map((vector) => new amd64.Gate64(words, vector).ist());
    expect(new Set([...own, new amd64.Gate64(words, Vector.PageFault).ist()]).size).toBe(4);
  });
});

describe('vectors', () => {
  it('with an error code are those of the manual', () => {
    const with32 = Array.from({ length: 32 }, (_, vector) => vector).filter(amd64.hasErrorCode);
    expect(with32).toEqual([8, 10, 11, 12, 13, 14, 17, 21, 29, 30]);
    expect(amd64.hasErrorCode(0x80)).toBe(false);
    expect(amd64.vectorName(14)).toBe('PageFault');
    expect(amd64.vectorName(15)).toBe('Interrupt 15');
  });
});

describe('flags', () => {
  it('that stubs clear do not overlap those that ring 3 needs beyond IF', () => {
    expect(amd64.KERNEL_FLAGS_SET & amd64.KERNEL_FLAGS_CLEAR).toBe(0);
    expect(amd64.USER_FLAGS_SET & amd64.USER_FLAGS_CLEAR).toBe(0);
    expect(amd64.RFLAGS_IOPL_1 & amd64.RFLAGS_IOPL).toBe(amd64.RFLAGS_IOPL_1);
    expect(amd64.SYSCALL_MASK_VALUE).toBe(0x47700);
  });
});

describe('the per-CPU structure', () => {
  const address = amd64.KERNEL_AREA_ADDRESS + 0x10_0000;
  const { offsets } = amd64.CPU;
  const words = new Uint32Array((amd64.CPU_SIZE + 4096) / 4).fill(0xeeee_eeee);
  const cpu = new amd64.Cpu(words, 4096, address);
  cpu.initialize(amd64.KERNEL_AREA_ADDRESS, -0x7000_0000);
  const view = new DataView(words.buffer, 4096);
  const at = (offset: number) => Number(BigInt.asIntN(64, view.getBigUint64(offset, true)));

  it('points to itself, its stacks and its tables', () => {
    expect(at(0)).toBe(address);
    expect(cpu.addressAt(offsets.self)).toBe(address);
    expect(at(offsets.kernel)).toBe(amd64.KERNEL_AREA_ADDRESS);
    expect(at(offsets.stackTop)).toBe(address + offsets.mainStack + amd64.INTERRUPT_STACK_SIZE);
    expect(view.getUint16(offsets.gdtr, true)).toBe(255);
    expect(at(offsets.gdtr + 2)).toBe(address + offsets.gdt);
    expect(view.getUint16(offsets.idtr, true)).toBe(4095);
    expect(at(offsets.idtr + 2)).toBe(-0x7000_0000);
    expect(new SegmentDescriptor(words, (4096 + offsets.gdt) / 8 + Segment.Tss).base()).toBe((address + offsets.tss) >>> 0);
    expect(words[1023]).toBe(0xeeee_eeee);
  });

  it('has a TSS with four distinct stacks inside itself, and no I/O map', () => {
    const tss = offsets.tss;
    const stacks = [0, 1, 2, 3].map((ist) => at(tss + amd64.TSS_IST1 + ist * 8) - address);
    expect(stacks).toEqual([1, 2, 3, 4].map((n) => 4096 + n * 1024));
    expect(at(tss + amd64.TSS_RSP0) - address).toBe(stacks[0]);
    expect(view.getUint16(tss + amd64.TSS_IO_MAP, true)).toBeGreaterThanOrEqual(amd64.TSS_SIZE);
    expect((tss + amd64.TSS_RSP0) % 8).toBe(0);
    expect(stacks.every((top) => top % 16 === 0 && top <= amd64.CPU_SIZE)).toBe(true);
  });

  it('tells whose the error code is', () => {
    expect(cpu.errorCode()).toEqual({ value: 0, user: true });
    cpu.setWords(offsets.errorCode, 7, 0);
    cpu.setWords(offsets.errorType, 0, 0);
    expect(cpu.errorCode()).toEqual({ value: 7, user: false });
    cpu.clearErrorCode();
    expect(cpu.errorCode()).toEqual({ value: 0, user: true });
  });

  it('takes CR3 values and flags of a switch', () => {
    const { tables: pageTables, memory } = makeTables(8);
    const kernelTables = amd64.PageTables.create(memory) as amd64.PageTables;
    const other = amd64.PageTables.create(memory) as amd64.PageTables;
    const opts = {
      registers: 0,
      floatingPointState: -4096,
      pageTables,
      kernelTables,
      flush: false,
      fullRestore: true,
      userPCID: 3,
      kernelPCID: 1,
    };
    const cr3 = (offset: number) => BigInt.asUintN(64, view.getBigUint64(offset, true));
    cpu.prepareSwitch(opts);
    expect(cr3(offsets.userCr3)).toBe(pageTables.CR3(true, 3));
    expect(cr3(offsets.kernelCr3)).toBe(kernelTables.CR3(true, 1));
    expect(at(offsets.userXstate)).toBe(-4096);
    expect(at(offsets.switchFlags)).toBe(amd64.SWITCH_FULL_RESTORE);
    // One PCID that is kept means one set of tables, whatever application runs.
    cpu.prepareSwitch({ ...opts, pageTables: other, userPCID: 4 });
    expect(cr3(offsets.userCr3)).toBe(other.CR3(true, 4));
    expect(cr3(offsets.kernelCr3)).toBe(kernelTables.CR3(true, 1));
    cpu.prepareSwitch({ ...opts, flush: true, fullRestore: false });
    expect(cr3(offsets.userCr3)).toBe(pageTables.CR3(false, 3));
    expect(at(offsets.switchFlags)).toBe(amd64.SWITCH_FLUSH);
    cpu.prepareSwitch({ ...opts, userPCID: 0, kernelPCID: 0 });
    expect(cr3(offsets.userCr3)).toBe(pageTables.CR3(false, 0));
    expect(cr3(offsets.kernelCr3)).toBe(kernelTables.CR3(false, 0));
  });
});
