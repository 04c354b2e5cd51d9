export { BlockTable, type InstrumentedFile, type SourceLocation, type TableFile } from '../block-table.js';
export { type HtmlOptions, htmlReport } from './html.js';
export { lcovReport } from './lcov.js';
export { parsePcs, readSources } from './sources.js';
