/**
 * Flags, control registers and model-specific registers of amd64, as far as a virtual CPU needs them.
 * Numbers are unsigned; 64-bit registers whose upper half is not zero are given as words.
 */

/** RFLAGS (SDM Vol. 1 3.4.3). */
export const RFLAGS_CF = 1 << 0;
/** Bit 1 is always one. */
export const RFLAGS_RESERVED = 1 << 1;
/** TF: single step. */
export const RFLAGS_STEP = 1 << 8;
export const RFLAGS_IF = 1 << 9;
export const RFLAGS_DF = 1 << 10;
/** Both bits of the I/O privilege level. */
export const RFLAGS_IOPL = 3 << 12;
/** IOPL = 1: where the kernel's own code runs in ring 0, the mark of ring 3's flags by which LSTAR code tells the two apart. */
export const RFLAGS_IOPL_1 = 1 << 12;
export const RFLAGS_NT = 1 << 14;
export const RFLAGS_RF = 1 << 16;
export const RFLAGS_AC = 1 << 18;
export const RFLAGS_ID = 1 << 21;

/** Flags that ring 0 always runs with. */
export const KERNEL_FLAGS_SET = RFLAGS_RESERVED;
/** Flags that stubs and entry code never run with: also what SYSCALL clears (MSR SYSCALL_MASK), with DF, which the C ABI wants clear. */
export const KERNEL_FLAGS_CLEAR = RFLAGS_STEP | RFLAGS_IF | RFLAGS_IOPL | RFLAGS_AC | RFLAGS_NT;
/** MSR SYSCALL_MASK (SFMASK): every bit set here is cleared in RFLAGS by SYSCALL. */
export const SYSCALL_MASK_VALUE = KERNEL_FLAGS_CLEAR | RFLAGS_DF;
/** Flags that ring 3 always runs with. */
export const USER_FLAGS_SET = RFLAGS_RESERVED | RFLAGS_IF;
/** Flags that ring 3 never runs with (the bluepill mark IOPL = 1 is added after clearing). */
export const USER_FLAGS_CLEAR = RFLAGS_NT | RFLAGS_IOPL;

/** CR0 (SDM Vol. 3A 2.5). */
export const CR0_PE = 1 << 0;
export const CR0_MP = 1 << 1;
export const CR0_EM = 1 << 2;
export const CR0_TS = 1 << 3;
export const CR0_ET = 1 << 4;
export const CR0_NE = 1 << 5;
export const CR0_WP = 1 << 16;
export const CR0_AM = 1 << 18;
export const CR0_NW = 1 << 29;
export const CR0_CD = 1 << 30;
export const CR0_PG = 0x80000000;

/** CR4. */
export const CR4_TSD = 1 << 2;
export const CR4_DE = 1 << 3;
export const CR4_PSE = 1 << 4;
export const CR4_PAE = 1 << 5;
export const CR4_MCE = 1 << 6;
export const CR4_PGE = 1 << 7;
export const CR4_PCE = 1 << 8;
export const CR4_OSFXSR = 1 << 9;
export const CR4_OSXMMEXCPT = 1 << 10;
export const CR4_UMIP = 1 << 11;
export const CR4_LA57 = 1 << 12;
export const CR4_FSGSBASE = 1 << 16;
export const CR4_PCIDE = 1 << 17;
export const CR4_OSXSAVE = 1 << 18;
export const CR4_SMEP = 1 << 20;
export const CR4_SMAP = 1 << 21;
export const CR4_PKE = 1 << 22;

/** CR3: bits 11:0 are the PCID where CR4.PCIDE is set; bit 63 written as one keeps the TLB entries of that PCID. */
export const CR3_PCID_MASK = 0xfff;
/** CR3 bit 63, in the upper word. */
export const CR3_NO_FLUSH_HIGH = 0x80000000;

/** EFER (SDM Vol. 3A 2.2.1). */
export const EFER_SCE = 1 << 0;
export const EFER_LME = 1 << 8;
export const EFER_LMA = 1 << 10;
export const EFER_NX = 1 << 11;

/** MSR numbers. */
export const MSR_PLATFORM_INFO = 0xce;
export const MSR_MISC_FEATURES = 0x140;
export const MSR_PAT = 0x277;
export const MSR_EFER = 0xc0000080;
export const MSR_STAR = 0xc0000081;
export const MSR_LSTAR = 0xc0000082;
export const MSR_CSTAR = 0xc0000083;
export const MSR_SYSCALL_MASK = 0xc0000084;
export const MSR_FS_BASE = 0xc0000100;
export const MSR_GS_BASE = 0xc0000101;
export const MSR_KERNEL_GS_BASE = 0xc0000102;
export const MSR_TSC_AUX = 0xc0000103;

/** PLATFORM_INFO bit 31: the CPU can make CPUID fault outside ring 0. */
export const PLATFORM_INFO_CPUID_FAULT = 0x80000000;
/** MISC_FEATURES bit 0: CPUID outside ring 0 is a #GP. */
export const MISC_FEATURES_CPUID_TRAP = 1 << 0;

/** XCR0 (SDM Vol. 1 13.3): the state components that XSAVE manages. */
export const XCR0_X87 = 1 << 0;
export const XCR0_SSE = 1 << 1;
export const XCR0_AVX = 1 << 2;
export const XCR0_BNDREGS = 1 << 3;
export const XCR0_BNDCSR = 1 << 4;
export const XCR0_OPMASK = 1 << 5;
export const XCR0_ZMM_HI256 = 1 << 6;
export const XCR0_HI16_ZMM = 1 << 7;
export const XCR0_PKRU = 1 << 9;
export const XCR0_TILECFG = 1 << 17;
export const XCR0_TILEDATA = 1 << 18;
/** Components never given to a guest: AMX's tiles would make every state area 8 KiB larger. */
export const XCR0_REFUSED = XCR0_TILECFG | XCR0_TILEDATA;
