export * as amd64 from './amd64/index.js';
export { ARCHITECTURES, type Architecture, emit, headerName } from './emit.js';
export * from './entry-format.js';
export * from './layout.js';
export * from './page-tables.js';
export * from './pcids.js';
export * from './table-memory.js';
