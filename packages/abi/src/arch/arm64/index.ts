/** Everything that is arm64's own: constants, structs, system-call numbers. */
export * from './constants.js';
export * from './structs.js';
export { sysno } from './sysno.js';
