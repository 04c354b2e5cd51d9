import { Descriptors } from './descriptors.js';
import { HostPoller } from './poller.js';

const servicesOf = new WeakMap<object, HostServices>();

/** What the parts of one kernel that use the host share. */
export class HostServices {
  readonly descriptors = new Descriptors();
  #poller: HostPoller | null = null;

  /** The services of `kernel`, made at the first call. */
  static of(kernel: object): HostServices {
    let services = servicesOf.get(kernel);
    if (services === undefined) servicesOf.set(kernel, (services = new HostServices()));
    return services;
  }

  /** Readiness of host descriptors. The first use makes it: before the sentry is sealed. */
  get poller(): HostPoller {
    this.#poller ??= HostPoller.create();
    return this.#poller;
  }

  /** Gives descriptors back; the kernel is gone. */
  close(): void {
    this.#poller?.close();
    this.#poller = null;
    this.descriptors.shrink(0);
  }
}
