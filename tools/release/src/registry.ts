import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { runServer } from 'verdaccio';

/** A registry of npm packages on loopback. */
export interface Registry {
  /** Ends in a slash. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Starts a registry that keeps what is published to it in `storage`. The packages of this repository come from there only; all others
 * are fetched from `upstream`.
 */
export async function startRegistry(storage: string, upstream: string): Promise<Registry> {
  const anybody = { access: '$all', publish: '$all' };
  const configuration = {
    self_path: storage,
    storage,
    web: { enable: false },
    uplinks: { upstream: { url: upstream } },
    packages: { '@sbx/*': anybody, '**': { ...anybody, proxy: 'upstream' } },
    log: { type: 'stdout', level: 'fatal' },
    // What an attacker of a public registry might send is no concern here.
    max_body_size: '100mb',
  };
  const server = (await runServer(configuration as never)) as Server;
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
