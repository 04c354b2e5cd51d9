export { BlockTable, type InstrumentedFile, type SourceLocation, type TableFile } from './block-table.js';
export { Coverage, clearCoverageData, consumeCoverageData, coverage, kcovAvailable, pcToSource } from './coverage.js';
export { CoverageData, type PcWriter } from './coverage-data.js';
export {
  type CreateArea,
  KCOV_MODE_DISABLED,
  KCOV_MODE_INIT,
  KCOV_MODE_TRACE_CMP,
  KCOV_MODE_TRACE_PC,
  Kcov,
  type KcovArea,
  KcovDriver,
  type KcovMode,
  type KcovTask,
  type KcovWork,
} from './device.js';
