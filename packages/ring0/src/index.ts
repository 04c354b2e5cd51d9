export * as amd64 from './amd64/index.js';
export * from './entry-format.js';
export * from './page-tables.js';
export * from './pcids.js';
export * from './table-memory.js';
