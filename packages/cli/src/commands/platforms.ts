import { Command } from 'commander';
import { print } from '../messages.js';

/** `sbx platforms`: which ways of running programs work here. */
export function platformsCommand(): Command {
  return new Command('platforms')
    .description('show which ways of running programs work on this machine, and why others do not')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  sbx platforms\n  sbx platforms --json | jq .platforms[0].roundTripNs\n\nExit status: 0 if one of them works, else 1.',
    )
    .action(show);
}

async function show(flags: { json?: boolean }): Promise<void> {
  const sentry = await import('@sbx/sandbox/sentry');
  const { platforms, chosen } = sentry.describePlatforms();
  if (chosen === null) process.exitCode = 1;
  if (flags.json) {
    print(`${JSON.stringify({ platforms, chosen }, null, 2)}\n`);
    return;
  }
  const rows = platforms.map(({ name, usable, reason, roundTripNs }) => [
    name === chosen ? `${name} *` : name,
    usable ? 'yes' : 'no',
    roundTripNs === undefined ? '-' : `${(roundTripNs / 1000).toFixed(1)} us`,
    reason,
  ]);
  print(formatTable(['PLATFORM', 'USABLE', 'SYSTEM CALL', 'NOTES'], rows));
  print(
    chosen === null
      ? '\nNo program can be run in a sandbox here.\n'
      : `\n* is what sbx run takes. Times are medians of a system call's round trip.\n`,
  );
}

function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column].length)));
  return all
    .map(
      (row) =>
        `${row
          .map((text, column) => text.padEnd(widths[column]))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
