/** One `#define`. A number is printed in decimal, or in hexadecimal when `hex`; a string is printed as it is (an expression). */
export interface Define {
  readonly name: string;
  readonly value: number | string;
  readonly hex?: boolean;
  readonly comment?: string;
}

/** A group of defines under a comment. */
export interface DefineGroup {
  readonly comment: string;
  readonly defines: readonly Define[];
}

/** A member of a C struct whose offset is given: padding is made from the gaps, and a static assertion proves each offset. */
export interface Member {
  readonly name: string;
  /** C type of one element, as `uint32_t`. */
  readonly type: string;
  /** Bytes of one element. */
  readonly size: number;
  /** Elements, for an array. */
  readonly count?: number;
  readonly offset: number;
}

export interface Struct {
  readonly name: string;
  readonly comment: string;
  readonly size: number;
  readonly members: readonly Member[];
}

/** What a generated header consists of. It can be included from C and from assembly (`.S`): only C sees the structs. */
export interface Header {
  /** Include guard. */
  readonly guard: string;
  /** The file that the header is made from, from the repository's root. */
  readonly source: string;
  readonly about: string;
  readonly groups: readonly DefineGroup[];
  readonly structs?: readonly Struct[];
}

/** Defines from an object: `prefix` + the key in SCREAMING_SNAKE_CASE. */
export function defines(prefix: string, values: Readonly<Record<string, number>>, map: (value: number) => number = (x) => x): Define[] {
  return Object.entries(values).map(([key, value]) => ({ name: prefix + screaming(key), value: map(value) }));
}

/** `faultAddressLow` → `FAULT_ADDRESS_LOW`. */
export function screaming(name: string): string {
  return name.replace(/(?<=[a-z0-9])(?=[A-Z])/g, '_').toUpperCase();
}

/** Prints the header. */
export function printHeader(header: Header): string {
  const lines = [
    `// Generated from ${header.source} by tools/gen (pnpm gen). Do not edit.`,
    `// ${header.about}`,
    `#ifndef ${header.guard}`,
    `#define ${header.guard}`,
  ];
  for (const group of header.groups) {
    lines.push('', ...group.comment.split('\n').map((line) => `// ${line}`));
    const width = Math.max(...group.defines.map((d) => d.name.length));
    for (const define of group.defines) {
      const value = typeof define.value === 'string' ? define.value : define.hex ? `0x${define.value.toString(16)}` : String(define.value);
      lines.push(`#define ${define.name.padEnd(width)} ${value}${define.comment ? ` // ${define.comment}` : ''}`);
    }
  }
  if (header.structs?.length) {
    lines.push('', '#ifndef __ASSEMBLER__', '#include <stddef.h>', '#include <stdint.h>');
    for (const struct of header.structs) lines.push('', ...printStruct(struct));
    lines.push('', '#endif // __ASSEMBLER__');
  }
  lines.push('', `#endif // ${header.guard}`, '');
  return lines.join('\n');
}

function printStruct(struct: Struct): string[] {
  const lines = [`// ${struct.comment}`, `struct ${struct.name} {`];
  const asserts: string[] = [];
  let at = 0;
  let gaps = 0;
  const pad = (to: number) => {
    if (to > at) lines.push(`  uint8_t reserved${gaps++}[${to - at}];`);
    at = to;
  };
  for (const member of [...struct.members].sort((a, b) => a.offset - b.offset)) {
    if (member.offset < at) throw new Error(`${struct.name}.${member.name} overlaps the member before it`);
    pad(member.offset);
    lines.push(`  ${member.type} ${member.name}${member.count === undefined ? '' : `[${member.count}]`};`);
    asserts.push(`_Static_assert(offsetof(struct ${struct.name}, ${member.name}) == ${member.offset}, "${struct.name}.${member.name}");`);
    at += member.size * (member.count ?? 1);
  }
  if (at > struct.size) throw new Error(`${struct.name} is longer than ${struct.size} bytes`);
  pad(struct.size);
  lines.push('};', ...asserts, `_Static_assert(sizeof(struct ${struct.name}) == ${struct.size}, "${struct.name}");`);
  return lines;
}
