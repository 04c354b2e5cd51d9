export { Credentials } from './auth/credentials.js';
export { Kernel, type KernelLimits, type KernelOptions, KernelPanic } from './kernel.js';
export { ResourceLimits } from './task/resource-limits.js';
export { type SpawnRequest, spawnProcess } from './task/spawn.js';
export { ThreadGroup } from './task/thread-group.js';
export { type Clock, HostClock } from './time/clock.js';
export type { SyscallTracer } from './trace/tracer.js';
