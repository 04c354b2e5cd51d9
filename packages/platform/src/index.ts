export * from './address-space.js';
export * from './context.js';
export * from './context-layout.js';
export * from './context-page.js';
export * from './event.js';
export * from './memory.js';
export * from './platform.js';
