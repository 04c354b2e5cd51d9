/**
 * Constants whose value on amd64 is amd64's own. The other architecture's file has the rest.
 */

// fcntl: open flags (open(2)).
export const O_DIRECT = 0o40000;
export const O_LARGEFILE = 0o100000;
export const O_DIRECTORY = 0o200000;
export const O_NOFOLLOW = 0o400000;
export const O_TMPFILE = 0o20200000;

// mman: mmap(2) flags.
export const MAP_32BIT = 0x40;

// signal: sigaltstack(2).
export const MINSIGSTKSZ = 2048;
export const SIGSTKSZ = 8192;

// prctl: arch_prctl operations.
export const ARCH_SET_GS = 0x1001;
export const ARCH_SET_FS = 0x1002;
export const ARCH_GET_FS = 0x1003;
export const ARCH_GET_GS = 0x1004;
export const ARCH_GET_CPUID = 0x1011;
export const ARCH_SET_CPUID = 0x1012;
export const ARCH_GET_XCOMP_SUPP = 0x1021;
export const ARCH_GET_XCOMP_PERM = 0x1022;
export const ARCH_REQ_XCOMP_PERM = 0x1023;
export const ARCH_GET_XCOMP_GUEST_PERM = 0x1024;
export const ARCH_REQ_XCOMP_GUEST_PERM = 0x1025;
export const ARCH_MAP_VDSO_X32 = 0x2001;
export const ARCH_MAP_VDSO_32 = 0x2002;
export const ARCH_MAP_VDSO_64 = 0x2003;

// auxvec: Entry types (getauxval(3)).
export const AT_VECTOR_SIZE_ARCH = 3;

// auxvec: AT_HWCAP, AT_HWCAP2 bits.
export const HWCAP2_RING3MWAIT = 1;
export const HWCAP2_FSGSBASE = 2;

// ptrace: Requests.
export const PTRACE_GETREGS = 0xc;
export const PTRACE_SETREGS = 0xd;
export const PTRACE_GETFPREGS = 0xe;
export const PTRACE_SETFPREGS = 0xf;
export const PTRACE_GETFPXREGS = 0x12;
export const PTRACE_SETFPXREGS = 0x13;
export const PTRACE_OLDSETOPTIONS = 0x15;
export const PTRACE_GET_THREAD_AREA = 0x19;
export const PTRACE_SET_THREAD_AREA = 0x1a;
export const PTRACE_ARCH_PRCTL = 0x1e;
export const PTRACE_SINGLEBLOCK = 0x21;
