import { existsSync } from 'node:fs';

declare const require: (id: string) => unknown;

/**
 * Loads the native part of the package in `folder`. node-gyp-build would do it alone, but reads folders and package.json on the way; where the file is at the
 * place where it usually is, that is all for nothing.
 */
export function loadNativePart(folder: string, packageName: string): unknown {
  const name = packageName.slice(packageName.indexOf('/') + 1);
  const built = `${folder}/build/Release/${name.replaceAll('-', '_')}.node`;
  if (existsSync(built)) return require(built);
  const libc = existsSync('/etc/alpine-release') ? 'musl' : 'glibc';
  const prebuilt = `${folder}/prebuilds/linux-${process.arch}/${packageName.replaceAll('/', '+')}.${libc}.node`;
  if (existsSync(prebuilt)) return require(prebuilt);
  return (require('node-gyp-build') as (folder: string) => unknown)(folder);
}
