/** attack-child.ts REPORT CODE SEED EXTENT: runs the attacks beside the observer, and writes what it did. */
import { readFileSync, writeFileSync } from 'node:fs';
import { Attack } from './attacks.js';
import type { Report } from './report.js';
import { Victim } from './victim.js';

const [, , reportFile, codeFile, seed, extent] = process.argv as string[];
const socket = process.env.SBX_ZYGOTE;
const victim = new Victim(readFileSync(codeFile!), socket === undefined ? undefined : Number(socket));
const attack = new Attack(victim, JSON.parse(extent!), Number(seed), (line) => process.stderr.write(`${line}\n`));
attack.run();
const { attempts, checks, outcomes, reasons, orders, lines } = victim;
victim.destroy();
const report: Report = {
  attempts,
  checks,
  outcomes,
  reasons: Object.fromEntries(reasons),
  orders,
  logLines: lines.length,
  phases: attack.phases,
  files: attack.files.map(({ name }) => name),
  text: attack.text.toString('base64'),
  filters: { guest: `${attack.filters.guest}`, mapper: `${attack.filters.mapper}` },
};
writeFileSync(reportFile!, JSON.stringify(report));
