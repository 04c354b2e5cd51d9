export * from './assemble.js';
export * from './c-header.js';
export * from './outputs.js';
