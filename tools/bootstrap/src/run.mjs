import { prepare } from './prepare.mjs';
import { runScript, scriptsNamed } from './scripts.mjs';
import { command } from './setup-error.mjs';

/**
 * Runs the script of that name of every package that has one, in turn; further words are passed to each.
 *
 * @param {readonly string[]} words the script's name, then arguments
 */
export function run([name, ...args]) {
  return command(async () => {
    await prepare();
    const failed = [];
    const scripts = scriptsNamed(name);
    if (scripts.length === 0) process.stdout.write(`No package has a script ${name}.\n`);
    for (const script of scripts) {
      process.stdout.write(`\n${script.name}: ${name}\n`);
      const { status } = await runScript(script, args);
      if (status !== 0) failed.push(`${script.name} (exit status ${status})`);
    }
    if (failed.length > 0) process.stderr.write(`\nFailed: ${failed.join(', ')}\n`);
    return failed.length === 0 ? 0 : 1;
  });
}
