export { VmError, type VmErrorCode } from './errors.js';
export { runInVm, type VmOptions, vmUnavailable } from './run.js';
