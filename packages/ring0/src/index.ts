export * as amd64 from './amd64/index.js';
export { ARCHITECTURES, type Architecture, emit, headerName } from './emit.js';
export * from './entry-format.js';
export * from './layout.js';
export { FourLevelTables, USE_ACCESSED, USE_DIRTY } from './page-tables.js';
export * from './pcids.js';
export type { Visitor } from './table-inspect.js';
export * from './table-memory.js';
export { type PageTablesOptions, TableTree } from './table-tree.js';
