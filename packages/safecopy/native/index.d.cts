/** The folder of this package's C headers, relative to the working directory: for `include_dirs` of a binding.gyp. */
export const include_dir: string;
