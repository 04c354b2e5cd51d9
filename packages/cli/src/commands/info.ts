import { Command } from 'commander';
import { version } from '../../package.json';
import { print } from '../messages.js';

/** `sbx info`: versions, what isolates a sandbox here and what does not yet, facts about the host. */
export function infoCommand(): Command {
  return new Command('info')
    .description('show versions, what isolates a sandbox on this machine and what does not, and facts about the host')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExamples:\n  sbx info\n  sbx info --json | jq .isolation')
    .action(show);
}

async function show(flags: { json?: boolean }): Promise<void> {
  const sentry = await import('@sbx/sandbox/sentry');
  const info = { sbx: version, ...sentry.describeHost() };
  if (flags.json) {
    print(`${JSON.stringify(info, null, 2)}\n`);
    return;
  }
  const lines = [
    `sbx        ${info.sbx}`,
    `node       ${info.node} (${info.nodePath})`,
    `host       Linux ${info.hostRelease} on ${info.arch}, ${info.cpus} CPUs, ${Math.round(info.memory / 2 ** 20)} MiB of memory`,
    `programs   see Linux ${info.guestRelease}, and have ${Math.round(info.defaultMemory / 2 ** 20)} MiB unless --memory says otherwise`,
    `code cache ${info.codeCache ?? 'none: there is no HOME'}`,
    '',
    'What keeps a program in its sandbox:',
    ...info.isolation.map(({ step, active, note }) => `  ${active ? 'yes    ' : 'NOT YET'}  ${step}${note === '' ? '' : `: ${note}`}`),
  ];
  print(`${lines.join('\n')}\n`);
}
