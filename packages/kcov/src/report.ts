export { BlockTable, type InstrumentedFile, type SourceLocation, type TableFile } from './block-table.js';
export { type HtmlOptions, htmlReport } from './report/html.js';
export { lcovReport } from './report/lcov.js';
export { parsePcs, readSources } from './report/sources.js';
