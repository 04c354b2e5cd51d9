export { type InstrumentedCode, instrument } from './instrument.js';
export { type KcovPluginOptions, kcov } from './plugin.js';
