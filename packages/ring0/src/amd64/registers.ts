/** The register file as ptrace orders it: `struct user_regs_struct` of <sys/user.h>, 8 bytes each. */
export const REGISTERS = [
  'R15',
  'R14',
  'R13',
  'R12',
  'RBP',
  'RBX',
  'R11',
  'R10',
  'R9',
  'R8',
  'RAX',
  'RCX',
  'RDX',
  'RSI',
  'RDI',
  'ORIG_RAX',
  'RIP',
  'CS',
  'FLAGS',
  'RSP',
  'SS',
  'FS_BASE',
  'GS_BASE',
  'DS',
  'ES',
  'FS',
  'GS',
] as const;

export type Register = (typeof REGISTERS)[number];

/** Bytes of a register file. */
export const REGISTERS_SIZE = REGISTERS.length * 8;

/** Byte offset of a register in a register file. */
export function registerOffset(register: Register): number {
  return REGISTERS.indexOf(register) * 8;
}
