/** The folder of this package's C headers, relative to the working directory: for `include_dirs` of a binding.gyp. */
export const include_dir: string;
/** The assembly source of the entry code for amd64, relative to the working directory. */
export const entry_amd64: string;
