import { readFileSync } from 'node:fs';

/** The words of this process's command line after the script, those that are no UTF-8 as they are: Node has lost their bytes (see decodeBytes). */
export async function commandLineWords(argv: readonly string[] = process.argv): Promise<string[]> {
  const words = argv.slice(2);
  if (!words.some((word) => word.includes('\ufffd'))) return words;
  const { decodeBytes } = await import('@sbx/sandbox/sentry');
  const bytes = readFileSync('/proc/self/cmdline');
  const all: string[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(0, start);
    all.push(decodeBytes(bytes.subarray(start, end)));
    start = end + 1;
  }
  return all.slice(-words.length);
}
