import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testUnless } from '../../../tools/native/conditional-test.js';
import { kcov } from '../src/instrument/plugin.js';
import { type BlockTable, htmlReport, lcovReport, parsePcs, readSources } from '../src/report.js';

const SIGN = `export function sign(x: number): string {
  if (x < 0) return '<&"minus">';
  return x > 0 ? 'plus' : 'zero';
}
export const unused = (): number => 5;
`;
const MAIN = `import { sign } from './sign.js';
import { PI } from './constants.js';
const words = (): string => [sign(-PI), sign(0)].join();
console.log(words());
`;
const folder = mkdtempSync(path.join(tmpdir(), 'sbx-kcov-'));
let table: BlockTable;
let pcs: bigint[];

/** Builds a program with the plugin, runs it, and has it print its PCs. */
beforeAll(async () => {
  writeFileSync(path.join(folder, 'sign.ts'), SIGN);
  writeFileSync(path.join(folder, 'main.ts'), MAIN);
  writeFileSync(path.join(folder, 'constants.ts'), 'export const PI = 3;\nexport const never = () => 4;\n');
  writeFileSync(path.join(folder, 'leftOut.ts'), 'export const f = () => 1;\n');
  const print = `
import { consumeCoverageData } from '@sbx/kcov';
consumeCoverageData((word) => (console.log('0x' + Buffer.from(word).reverse().toString('hex')), true));
`;
  await build({
    absWorkingDir: folder,
    stdin: { contents: `import './main.js';${print}import './leftOut.js';`, resolveDir: folder, sourcefile: 'entry.mjs' },
    outfile: 'main.mjs',
    bundle: true,
    format: 'esm',
    platform: 'node',
    conditions: ['@sbx/source'],
    alias: { '@sbx/kcov': path.resolve(import.meta.dirname, '../src/index.ts') },
    plugins: [kcov({ root: folder, sources: 'main.json.gz' })],
  });
  const output = execFileSync(process.execPath, [path.join(folder, 'main.mjs')], { encoding: 'utf8' });
  expect(output).toMatch(/^<&"minus">,zero\n/);
  pcs = parsePcs(output);
  table = readSources(readFileSync(path.join(folder, 'main.json.gz')));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a program that was built with the plugin', () => {
  it('has the files of its bundle in its table, and no others', () => {
    expect(table.files.map(({ name }) => name)).toEqual(['constants.ts', 'leftOut.ts', 'main.ts', 'sign.ts']);
  });

  it('gives PCs that lead to its sources', () => {
    const texts = pcs.map((pc) => {
      const { file, line, column, endColumn } = table.locate(pc)!;
      return readFileSync(path.join(folder, file), 'utf8').split('\n')[line - 1].slice(column, endColumn);
    });
    expect(texts).toEqual([
      '[sign(-PI), sign(0)].join()',
      'if (x < 0)',
      `return '<&"minus">';`,
      "return x > 0 ? 'plus' : 'zero';",
      "'zero'",
    ]);
  });

  it('is reported by lcov: a line is covered if a block on it is', () => {
    const records = lcovReport(table, pcs).split('end_of_record\n');
    expect(records[0]).toBe('TN:\nSF:constants.ts\nDA:2,0\nLF:1\nLH:0\n');
    expect(records[3]).toBe('SF:sign.ts\nDA:2,1\nDA:3,1\nDA:5,0\nLF:3\nLH:2\n');
  });
});

const browserFile = '/usr/bin/chromium';

describe('the page, in a browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    if (!existsSync(browserFile)) return;
    browser = await chromium.launch({
      executablePath: browserFile,
      args: ['--no-sandbox', '--disable-gpu'],
    });
  });
  afterAll(() => browser?.close());

  testUnless(
    existsSync(browserFile) ? undefined : 'chromium is not installed',
    'shows the files, and each with its covered and uncovered blocks',
    async () => {
      const file = path.join(folder, 'report.html');
      writeFileSync(file, htmlReport(table, pcs, { title: 'A <title>' }));
      const page = await browser.newPage();
      const problems: string[] = [];
      page.on('console', (message) => problems.push(message.text()));
      page.on('request', (request) => request.url().startsWith('file:') || problems.push(request.url()));
      await page.goto(pathToFileURL(file).href);
      expect(await page.title()).toBe('A <title>');
      expect(await page.locator('table.index a').allTextContents()).toEqual(['main.ts', 'sign.ts']);
      expect(await page.locator('section:visible').count()).toBe(0);
      await page.click('text=sign.ts');
      expect(await page.locator('table.index').isVisible()).toBe(false);
      const source = page.locator('section:visible pre');
      // The source is as it was, line numbers apart.
      expect(
        await source.evaluate((pre) =>
          [...pre.childNodes]
            .filter((node) => node.nodeName !== 'I')
            .map((node) => node.textContent)
            .join(''),
        ),
      ).toBe(SIGN);
      const colour = (selector: string) =>
        source
          .locator(selector)
          .evaluateAll((all) =>
            all.map((each) => [each.textContent, each.ownerDocument.defaultView.getComputedStyle(each).backgroundColor]),
          );
      const covered = await colour('.h');
      const missed = await colour('.m');
      expect(covered.map(([text]) => text)).toEqual(['if (x < 0)', `return '<&"minus">';`, 'return x > 0 ? ', " : 'zero';"]);
      expect(missed.map(([text]) => text)).toEqual(["'plus'", '5']);
      expect(new Set(covered.map(([, background]) => background))).toEqual(new Set(['rgb(215, 242, 215)']));
      expect(new Set(missed.map(([, background]) => background))).toEqual(new Set(['rgb(250, 220, 220)']));
      await page.click('section:visible >> text=All files');
      expect(await page.locator('table.index').isVisible()).toBe(true);
      expect(problems).toEqual([]);
    },
  );
});
