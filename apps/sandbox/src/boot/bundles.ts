import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Script } from 'node:vm';
import type { Bundle, Runtime } from './runtime.js';
import type { UserCache } from './user-cache.js';

/** A bundle ends with a comment that holds the hash of its code (tools/bundle). */
const HASH_LENGTH = 32;
/** Catches hangs of the recording. */
const RECORDING_MS = 20_000;
/** Bundles that the recorder opens. */
const RECORDED = new Set(['sentry.cjs', 'kernel.cjs']);

type BundleFunction = (module: { exports: unknown }, exports: object, require: (id: string) => unknown, runtime: Runtime) => void;

interface OpenBundle extends Bundle {
  readonly script: Script;
  readonly entry: string;
  /** Its code is in the cache. */
  cached: boolean;
}

/**
 * Compiles bundles, from the code cache where they are in there. V8 compiles a function when it is first called, and its cache has the functions that were
 * called until it was made. All of them would take longer to read than the few hundred that a start needs take to compile; just those are quick. So where a
 * bundle is missing from the cache, a process is started that runs a small program and then writes it (src/record).
 */
export class Bundles {
  readonly #opened: OpenBundle[] = [];
  #mayRecord: boolean;

  /** @param recorder - the bundle that makes the cache, or null: this process runs it */
  constructor(
    readonly cache: UserCache | null,
    readonly recorder: string | null,
    readonly require: (id: string) => unknown,
    readonly runtime: Runtime,
  ) {
    this.#mayRecord = cache !== null && recorder !== null;
  }

  /** Opens the process's first bundle: the cache gets of it what has been called when it opens another one. */
  openMain(file: string): Bundle {
    return this.#open(file, false);
  }

  open(file: string): Bundle {
    const main = this.#opened[0];
    if (this.recorder !== null && main !== undefined) this.#write(main);
    return this.#open(file, RECORDED.has(path.basename(file)));
  }

  /** Writes what has been called so far of each bundle, except for the first. */
  write(): void {
    for (const bundle of this.#opened.slice(1)) this.#write(bundle);
  }

  #open(file: string, record: boolean): Bundle {
    // esbuild writes ASCII: as latin1 it becomes a string without being decoded.
    const source = readFileSync(file, 'latin1');
    const entry = `${path.basename(file, '.cjs')}-${source.slice(-HASH_LENGTH)}-${process.version}-${process.arch}`;
    let script = new Script(source, { filename: file, cachedData: this.cache?.read(entry) });
    let cached = script.cachedDataRejected === false;
    if (!cached && record && this.#mayRecord) {
      this.#mayRecord = false;
      this.#record();
      script = new Script(source, { filename: file, cachedData: this.cache!.read(entry) });
      cached = script.cachedDataRejected === false;
    }
    const { require, runtime } = this;
    const bundle: OpenBundle = {
      script,
      entry,
      cached,
      run() {
        const module = { exports: {} as unknown };
        (script.runInThisContext() as BundleFunction)(module, module.exports as object, require, runtime);
        return module.exports;
      },
    };
    this.#opened.push(bundle);
    return bundle;
  }

  #write(bundle: OpenBundle): void {
    if (bundle.cached) return;
    bundle.cached = true;
    this.cache?.write(bundle.entry, bundle.script.createCachedData());
  }

  /** Has another process fill the cache. Where that fails everything is compiled as it is called, at each start. */
  #record(): void {
    if (!this.cache!.isWritable) return;
    // Not at the top: the module takes its time to load.
    const { spawnSync } = this.require('node:child_process') as typeof import('node:child_process');
    // It does not get the descriptor of this process's zygote: it makes one of its own.
    const env = { ...process.env, SBX_ZYGOTE: undefined };
    spawnSync(process.execPath, [...process.execArgv, __filename, this.recorder!], { env, stdio: 'ignore', timeout: RECORDING_MS });
  }
}
