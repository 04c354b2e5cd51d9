// Writes the `covers:` lines anew from what the programs do in the sandbox: calls that are named and made, with the errors that they gave.
// npx tsx --conditions=@sbx/source packages/kernel/test/guest/run/annotate.ts AREA/NAME…
// Calls to add are named with a leading +: `+dup3`.
import { writeFileSync } from 'node:fs';
import { compileGuest } from './compile.js';
import { allGuestPrograms } from './programs.js';
import { GuestSandbox } from './sandbox.js';
import { systemCallsOf } from './table.js';

const wanted = process.argv.slice(2).filter((word) => !word.startsWith('+'));
const added = process.argv
  .slice(2)
  .filter((word) => word.startsWith('+'))
  .map((word) => word.slice(1));
const sandbox = new GuestSandbox();
for (const program of allGuestPrograms()) {
  if (wanted.length > 0 && !wanted.includes(program.name)) continue;
  const binary = await compileGuest(program.file, program.libcs[0]);
  try {
    await sandbox.run(binary);
  } catch (error) {
    console.log(`${program.name}: ${error}`);
  }
  const { calls } = sandbox.record;
  const names = [...new Set([...program.covers.keys(), ...added].flatMap((name) => (calls.has(name) ? [name] : systemCallsOf(name))))];
  const dropped = names.filter((name) => !calls.has(name));
  const line = names
    .filter((name) => calls.has(name))
    .map((name) => {
      const errors = [...calls.get(name)!].sort();
      return errors.length === 0 ? name : `${name}(${errors.join(' ')})`;
    })
    .join(' ');
  if (dropped.length > 0) console.log(`${program.name}: not called: ${dropped.join(' ')}`);
  writeFileSync(program.file, program.source.replace(/^\/\/ covers: .*$/m, `// covers: ${line}`));
}
sandbox.stop();
process.exit(0);
