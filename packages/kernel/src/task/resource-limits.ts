/** Resource limits by RLIMIT_* number; RLIM_INFINITY is Infinity. Shared by the threads of a process, copied by fork. */
export class ResourceLimits {
  readonly soft: Float64Array;
  readonly hard: Float64Array;
  constructor(from?: ResourceLimits) {
    this.soft = new Float64Array(16).fill(Number.POSITIVE_INFINITY);
    this.hard = new Float64Array(16).fill(Number.POSITIVE_INFINITY);
    if (from !== undefined) {
      this.soft.set(from.soft);
      this.hard.set(from.hard);
    }
  }
  set(resource: number, soft: number, hard: number): this {
    this.soft[resource] = soft;
    this.hard[resource] = hard;
    return this;
  }
}
