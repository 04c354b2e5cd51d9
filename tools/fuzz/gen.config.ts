import type { GenConfig } from '@sbx/gen';
import { tablesHeader } from './src/tables-header.js';

export default {
  outputs: [{ path: 'native/tables.h', content: tablesHeader }],
} satisfies GenConfig;
