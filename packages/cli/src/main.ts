import { Command, CommanderError } from 'commander';
import { version } from '../package.json';
import { commandLineWords } from './arguments.js';
import { infoCommand } from './commands/info.js';
import { kcovCommand } from './commands/kcov.js';
import { platformsCommand } from './commands/platforms.js';
import { runCommand } from './commands/run.js';
import { EXIT_SBX, Messages, print } from './messages.js';
import { separateOptionalValues } from './optional-values.js';

/** The command line. It runs in the process that becomes the sentry, so it is loaded with everything else from the code cache. */
async function main(): Promise<void> {
  const args = await commandLineWords();
  const commands = [runCommand(), platformsCommand(), infoCommand(), kcovCommand()];
  const program = new Command('sbx')
    .description('Runs unmodified Linux programs in a sandbox whose every system call is served by a kernel written in TypeScript.')
    .version(version, '-V, --version')
    .enablePositionalOptions()
    .showHelpAfterError('(sbx --help and sbx run --help show what there is)')
    .configureOutput({ writeOut: print, outputError: (text, write) => write(text.replace(/^error: /, 'sbx: ')) })
    .exitOverride();
  for (const command of commands) program.addCommand(command);
  inheritSettings(program);
  try {
    await program.parseAsync(separateOptionalValues(args, commands), { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help that was asked for is no failure; everything else is ours.
    process.exitCode = error.exitCode === 0 ? 0 : EXIT_SBX;
  }
}

/** Gives a command's settings to all commands below it. */
function inheritSettings(command: Command): void {
  for (const each of command.commands) inheritSettings(each.copyInheritedSettings(command));
}

main().catch((error: unknown) => {
  new Messages().say('error', `this is a bug in sbx: ${error instanceof Error ? error.stack : String(error)}`);
  process.exit(EXIT_SBX);
});
