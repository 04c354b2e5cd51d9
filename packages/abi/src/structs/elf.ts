/** ELF files of 64 bits, and the auxiliary vector: `elf.h`. */
import { bytes, struct } from '../codec/composite.js';
import { i64, u8, u16, u32, u64 } from '../codec/scalar.js';

export const Elf64Ehdr = struct('Elf64_Ehdr', {
  e_ident: bytes(16),
  e_type: u16,
  e_machine: u16,
  e_version: u32,
  e_entry: u64,
  e_phoff: u64,
  e_shoff: u64,
  e_flags: u32,
  e_ehsize: u16,
  e_phentsize: u16,
  e_phnum: u16,
  e_shentsize: u16,
  e_shnum: u16,
  e_shstrndx: u16,
});
export const Elf64Phdr = struct('Elf64_Phdr', {
  p_type: u32,
  p_flags: u32,
  p_offset: u64,
  p_vaddr: u64,
  p_paddr: u64,
  p_filesz: u64,
  p_memsz: u64,
  p_align: u64,
});
export const Elf64Shdr = struct('Elf64_Shdr', {
  sh_name: u32,
  sh_type: u32,
  sh_flags: u64,
  sh_addr: u64,
  sh_offset: u64,
  sh_size: u64,
  sh_link: u32,
  sh_info: u32,
  sh_addralign: u64,
  sh_entsize: u64,
});
export const Elf64Sym = struct('Elf64_Sym', { st_name: u32, st_info: u8, st_other: u8, st_shndx: u16, st_value: u64, st_size: u64 });
export const Elf64Rela = struct('Elf64_Rela', { r_offset: u64, r_info: u64, r_addend: i64 });
export const Elf64Dyn = struct('Elf64_Dyn', { d_tag: i64, d_un: u64 });
/** Head of a note: name and description follow, each padded to 4 bytes. */
export const Elf64Nhdr = struct('Elf64_Nhdr', { n_namesz: u32, n_descsz: u32, n_type: u32 });
/** One entry of the auxiliary vector. */
export const Elf64Auxv = struct('Elf64_auxv_t', { a_type: u64, a_val: u64 });
/** `EI_CLASS` and the rest aside, the first four bytes of every ELF file. */
export const ELFMAG = '\x7fELF';
