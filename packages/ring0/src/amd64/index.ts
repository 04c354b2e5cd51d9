export * from './addresses.js';
export * from './control.js';
export * from './entries.js';
export * from './gates.js';
export * from './page-tables.js';
export * from './segments.js';
export * from './vectors.js';
