/**
 * Constants whose value on arm64 is arm64's own. The other architecture's file has the rest.
 */

// fcntl: open flags (open(2)).
export const O_DIRECT = 0o200000;
export const O_LARGEFILE = 0o400000;
export const O_DIRECTORY = 0o40000;
export const O_NOFOLLOW = 0o100000;
export const O_TMPFILE = 0o20040000;

// mman: Protection.
export const PROT_BTI = 0x10;
export const PROT_MTE = 0x20;

// signal: sigaltstack(2).
export const MINSIGSTKSZ = 5120;
export const SIGSTKSZ = 16384;

// auxvec: Entry types (getauxval(3)).
export const AT_VECTOR_SIZE_ARCH = 2;

// auxvec: AT_HWCAP, AT_HWCAP2 bits.
export const HWCAP_FP = 1;
export const HWCAP_ASIMD = 2;
export const HWCAP_EVTSTRM = 4;
export const HWCAP_AES = 8;
export const HWCAP_PMULL = 0x10;
export const HWCAP_SHA1 = 0x20;
export const HWCAP_SHA2 = 0x40;
export const HWCAP_CRC32 = 0x80;
export const HWCAP_ATOMICS = 0x100;
export const HWCAP_FPHP = 0x200;
export const HWCAP_ASIMDHP = 0x400;
export const HWCAP_CPUID = 0x800;
export const HWCAP_ASIMDRDM = 0x1000;
export const HWCAP_JSCVT = 0x2000;
export const HWCAP_FCMA = 0x4000;
export const HWCAP_LRCPC = 0x8000;
export const HWCAP_DCPOP = 0x10000;
export const HWCAP_SHA3 = 0x20000;
export const HWCAP_SM3 = 0x40000;
export const HWCAP_SM4 = 0x80000;
export const HWCAP_ASIMDDP = 0x100000;
export const HWCAP_SHA512 = 0x200000;
export const HWCAP_SVE = 0x400000;
export const HWCAP_ASIMDFHM = 0x800000;
export const HWCAP_DIT = 0x1000000;
export const HWCAP_USCAT = 0x2000000;
export const HWCAP_ILRCPC = 0x4000000;
export const HWCAP_FLAGM = 0x8000000;
export const HWCAP_SSBS = 0x10000000;
export const HWCAP_SB = 0x20000000;
export const HWCAP_PACA = 0x40000000;
export const HWCAP_PACG = 0x80000000;
export const HWCAP2_DCPODP = 1;
export const HWCAP2_SVE2 = 2;
export const HWCAP2_SVEAES = 4;
export const HWCAP2_SVEPMULL = 8;
export const HWCAP2_SVEBITPERM = 0x10;
export const HWCAP2_SVESHA3 = 0x20;
export const HWCAP2_SVESM4 = 0x40;
export const HWCAP2_FLAGM2 = 0x80;
export const HWCAP2_FRINT = 0x100;
export const HWCAP2_SVEI8MM = 0x200;
export const HWCAP2_SVEF32MM = 0x400;
export const HWCAP2_SVEF64MM = 0x800;
export const HWCAP2_SVEBF16 = 0x1000;
export const HWCAP2_I8MM = 0x2000;
export const HWCAP2_BF16 = 0x4000;
export const HWCAP2_DGH = 0x8000;
export const HWCAP2_RNG = 0x10000;
export const HWCAP2_BTI = 0x20000;
export const HWCAP2_MTE = 0x40000;
export const HWCAP2_ECV = 0x80000;
export const HWCAP2_AFP = 0x100000;
export const HWCAP2_RPRES = 0x200000;
export const HWCAP2_MTE3 = 0x400000;
export const HWCAP2_SME = 0x800000;
export const HWCAP2_SME_I16I64 = 0x1000000;
export const HWCAP2_SME_F64F64 = 0x2000000;
export const HWCAP2_SME_I8I32 = 0x4000000;
export const HWCAP2_SME_F16F32 = 0x8000000;
export const HWCAP2_SME_B16F32 = 0x10000000;
export const HWCAP2_SME_F32F32 = 0x20000000;
export const HWCAP2_SME_FA64 = 0x40000000;
export const HWCAP2_WFXT = 0x80000000;
export const HWCAP2_EBF16 = 0x100000000;
export const HWCAP2_SVE_EBF16 = 0x200000000;

// ptrace: Requests.
export const PTRACE_PEEKMTETAGS = 0x21;
export const PTRACE_POKEMTETAGS = 0x22;
