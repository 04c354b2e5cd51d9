export { type InstrumentedCode, instrument } from './instrument/instrument.js';
export { type KcovPluginOptions, kcov } from './instrument/plugin.js';
