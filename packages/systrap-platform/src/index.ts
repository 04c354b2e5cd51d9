export { SystrapError } from './error.js';
export { systrapProvider } from './provider.js';
export { COUNT_NAMES, type Counts, SystrapPlatform } from './systrap-platform.js';
