/** A bundle that was opened: everything that is needed to run it is in this process. */
export interface Bundle {
  /** Runs the bundle's code, once, and returns its exports. Touches no file. */
  run(): unknown;
}

/** What the boot script gives to the bundles that it runs, under the name `sbx`. */
export interface Runtime {
  /** Reads and compiles one of this package's bundles, from the code cache where there is one. */
  open(name: string): Bundle;
  /** Writes the bundles that were opened, as far as they have been called, into the code cache. */
  writeCode(): void;
  /** `require` as the package's own files have it. */
  requireFrom(packageName: string): (id: string) => unknown;
  /** A file URL in the package's `dist`. */
  moduleUrl(packageName: string): string;
}
