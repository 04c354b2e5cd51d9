/** The register file as ptrace orders it: `struct user_regs_struct` of <sys/user.h>, 8 bytes each. */
import { amd64 } from '@sbx/abi';

const { offsets, size } = amd64.UserRegs;

/** A register's name as the C structure has it. */
export type Register = keyof typeof offsets;

/** The registers in order. */
export const REGISTERS = Object.keys(offsets) as Register[];

/** Bytes of a register file. */
export const REGISTERS_SIZE: number = size;

/**
 * Byte offset of a register in a register file.
 *
 * @example
 * import { amd64 } from '@sbx/ring0';
 *
 * amd64.registerOffset('rip'); // 128
 * amd64.REGISTERS_SIZE; // 216
 */
export function registerOffset(register: Register): number {
  return offsets[register];
}
