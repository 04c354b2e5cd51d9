import { fileURLToPath } from 'node:url';
import { assembleFlat, defines, type GenConfig, printHeader } from '@sbx/gen';
import * as layout from './src/context-layout.js';
import * as event from './src/event.js';

const { CONTEXT_FIELDS, CONTEXT_REGS, CONTEXT_SIZE, CONTEXT_XSTATE, CONTEXT_XSTATE_SIZE, REG, REG_COUNT } = layout;

/** Constants of a module whose names start with `prefix`, as they are. */
function constants(module: object, prefix: string): { name: string; value: number }[] {
  return Object.entries(module)
    .filter(([name, value]) => name.startsWith(prefix) && typeof value === 'number')
    .map(([name, value]) => ({ name, value: value as number }))
    .sort((a, b) => a.value - b.value);
}

function contextPage(): string {
  return printHeader({
    guard: 'SBX_CONTEXT_PAGE_H',
    source: 'packages/platform/src/context-layout.ts and event.ts',
    about: 'The context page, shared by JavaScript, native code and (on some platforms) application code.',
    groups: [
      {
        comment: 'Sizes and areas, in bytes.',
        defines: [
          { name: 'CONTEXT_SIZE', value: CONTEXT_SIZE },
          { name: 'CONTEXT_REGS', value: CONTEXT_REGS },
          { name: 'CONTEXT_REG_COUNT', value: REG_COUNT },
          { name: 'CONTEXT_XSTATE', value: CONTEXT_XSTATE },
          { name: 'CONTEXT_XSTATE_SIZE', value: CONTEXT_XSTATE_SIZE },
        ],
      },
      { comment: 'Offsets of the control words (32 bits each).', defines: defines('CONTEXT_', CONTEXT_FIELDS) },
      {
        comment: 'Offsets of the general registers (64 bits each), from the start of the page.',
        defines: defines('CONTEXT_', REG, (index) => CONTEXT_REGS + index * 8),
      },
      { comment: 'Index of each register in context_page.regs.', defines: defines('CONTEXT_INDEX_', REG) },
      { comment: 'Values of the state word.', defines: constants(layout, 'STATE_') },
      { comment: 'Bits of the flags word.', defines: constants(layout, 'FLAG_') },
      { comment: 'Values of the event word.', defines: constants(event, 'EVENT_') },
      { comment: 'Bits of the access word.', defines: constants(event, 'ACCESS_') },
    ],
    structs: [
      {
        name: 'context_page',
        comment: 'The same layout as a struct.',
        size: CONTEXT_SIZE,
        members: [
          ...Object.entries(CONTEXT_FIELDS)
            .filter(([name]) => name !== 'faultAddressLow' && name !== 'faultAddressHigh')
            .map(([name, offset]) => ({ name: snake(name), type: name === 'sigcode' ? 'int32_t' : 'uint32_t', size: 4, offset })),
          { name: 'fault_address', type: 'uint64_t', size: 8, offset: CONTEXT_FIELDS.faultAddressLow },
          { name: 'regs', type: 'uint64_t', size: 8, count: REG_COUNT, offset: CONTEXT_REGS },
          { name: 'xstate', type: 'uint8_t', size: 1, count: CONTEXT_XSTATE_SIZE, offset: CONTEXT_XSTATE },
        ],
      },
    ],
  });
}

function snake(name: string): string {
  return name.replace(/(?=[A-Z])/g, '_').toLowerCase();
}

function guestCode(): string {
  const { bytes, symbols } = assembleFlat(fileURLToPath(new URL('conformance/guest/amd64.S', import.meta.url)));
  const lines = Buffer.from(bytes)
    .toString('base64')
    .match(/.{1,130}/g)!;
  return [
    '// Generated from packages/platform/conformance/guest/amd64.S by tools/gen (pnpm gen). Do not edit.',
    '',
    '/** Machine code, base64. */',
    'const CODE = [',
    ...lines.map((line) => `  '${line}',`),
    "].join('');",
    '',
    '/** The guest routines as one position-independent block. */',
    "export const GUEST_CODE: Uint8Array = Buffer.from(CODE, 'base64');",
    '',
    '/** Offset of each label. */',
    'export const GUEST = {',
    ...Object.entries(symbols)
      .sort((a, b) => a[1] - b[1] || (a[0] < b[0] ? -1 : 1))
      .map(([name, offset]) => `  ${name}: ${offset},`),
    '} as const;',
    '',
  ].join('\n');
}

export default {
  outputs: [
    { path: 'native/include/context_page.h', content: contextPage },
    { path: 'conformance/guest-amd64.ts', content: guestCode },
  ],
} satisfies GenConfig;
