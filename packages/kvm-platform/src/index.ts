export { KvmError } from './error.js';
export { COUNT_NAMES, type Counts, KvmPlatform } from './kvm-platform.js';
export { kvmProvider } from './provider.js';
