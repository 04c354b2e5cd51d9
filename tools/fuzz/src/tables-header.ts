import { fuzzCalls, KINDS } from './calls.js';

/** `native/tables.h`: the calls and the values of their arguments, for the program that runs in the sandbox. */
export function tablesHeader(): string {
  const sets = new Map<string, string>();
  const nameOf = (values: readonly number[]): string => {
    const text = values.map((value) => (value < 0 ? `${value}` : `0x${value.toString(16)}`)).join(', ');
    let name = sets.get(text);
    if (name === undefined) sets.set(text, (name = `values_${sets.size}`));
    return name;
  };
  const calls = fuzzCalls().map(({ name, sysno, args }) => {
    const list = args.map(({ kind, values }) =>
      values === undefined ? `{K_${kind}, 0, NULL}` : `{K_${kind}, ${values.length}, ${nameOf(values)}}`,
    );
    return `  {"${name}", ${sysno}, ${args.length}, {${list.join(', ')}}},\n`;
  });
  const definitions = [...sets].map(([text, name]) => `static const int64_t ${name}[] = {${text}};\n`);
  return `/* Generated from src/calls.ts, and so from @sbx/abi, by pnpm --filter @sbx/gen gen: not to be edited. */
#ifndef SBX_FUZZ_TABLES_H
#define SBX_FUZZ_TABLES_H
#include <stddef.h>
#include <stdint.h>

enum kind { ${KINDS.map((kind) => `K_${kind}`).join(', ')} };

struct argument_type {
  enum kind kind;
  int count;
  const int64_t *values;
};
struct call_type {
  const char *name;
  int number;
  int args;
  struct argument_type types[6];
};

${definitions.join('')}
static const struct call_type call_types[] = {
${calls.join('')}};
#define CALL_TYPES ((int)(sizeof call_types / sizeof *call_types))

#endif
`;
}
