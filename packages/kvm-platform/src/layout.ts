/**
 * Where things are in the guest.
 *
 * ```
 * guest-physical                                  linear, upper half (ring 0 only)
 *   1 MiB  kernel area: text, IDT, per-CPU data     -2 GiB  kernel area
 *   1 GiB  page tables                              -4 GiB  page tables, where KVM shadows them
 *   4 GiB  application memory, base + offset        lower half: the application's mappings
 * ```
 *
 * The range just below 4 GiB is left alone: KVM and CPUs have pages of their own there (APIC, identity map, TSS).
 */
export const KERNEL_PHYSICAL = 0x100000;
export const TABLES_PHYSICAL = 2 ** 30;
/** Bytes that page tables may take: enough to map 1 TiB in 4 KiB pages. */
export const TABLES_SIZE = 2 ** 31;
/** Page-table memory grows by this much. */
export const TABLE_CHUNK = 512 * 1024;
export const MEMORY_PHYSICAL = 2 ** 32;

export const KERNEL_LINEAR = -(2 ** 31);
export const TABLES_LINEAR = -(2 ** 32);
