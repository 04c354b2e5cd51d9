import type { BlockTable, TableFile } from '../block-table.js';
import { COVERED, coveredBlocks, coveredIn, NO_BLOCK, paintBlocks } from './covered.js';

/** What the page shows. */
export interface HtmlOptions {
  /** Heading of the page. Default `'Coverage'`. */
  readonly title?: string;
  /** Also files of which nothing is covered. */
  readonly all?: boolean;
}

const STYLE = `
:root { color-scheme: light dark; --hit: #d7f2d7; --miss: #fadcdc; --dim: #777 }
@media (prefers-color-scheme: dark) { :root { --hit: #173d17; --miss: #4d1f1f; --dim: #999 } }
body { font: 14px/1.4 system-ui, sans-serif; margin: 2em }
table { border-collapse: collapse }
td, th { padding: .15em .8em .15em 0; text-align: left }
td.n { text-align: right; font-variant-numeric: tabular-nums }
section { display: none }
section:target { display: block }
body:has(section:target) .index { display: none }
pre { font: 12px/1.45 ui-monospace, monospace; tab-size: 4 }
pre i { display: inline-block; width: 4em; color: var(--dim); font-style: normal; text-align: right; margin-right: 1em; user-select: none }
b { font-weight: normal } .hit, .h { background: var(--hit) } .miss, .m { background: var(--miss) }
meter { width: 8em }`;

/**
 * A page that shows the sources with covered and uncovered blocks. One file without scripts, which opens in a browser from the disk. The files of the table
 * must have their `source`.
 *
 * @example
 * import { BlockTable, htmlReport } from '@sbx/kcov/report';
 *
 * const source = 'if (x)\n  f();\n';
 * const table = new BlockTable([{ name: 'a.ts', source, blocks: [1, 0, 1, 6, 2, 2, 2, 6] }]);
 * const page = htmlReport(table, [0xffffffff80000000n], { title: 'Run 7' });
 * page.includes('1 of 2 blocks, 50.0&nbsp;%'); // true
 * page.includes('<b class="m">f();</b>'); // true: not covered
 */
export function htmlReport(table: BlockTable, pcs: Iterable<bigint>, { title = 'Coverage', all = false }: HtmlOptions = {}): string {
  const covered = coveredBlocks(table, pcs);
  const shown = table.files
    .map((file, index) => ({ file, id: `f${index}`, hit: coveredIn(file, covered) }))
    .filter(({ hit }) => all || hit > 0);
  const row = ({ file, id, hit }: (typeof shown)[number]): string =>
    `<tr><td><a href="#${id}">${escapeHtml(file.name)}</a><td class="n">${hit}<td class="n">${file.count}<td><meter value="${hit}" max="${file.count}"></meter><td class="n">${percent(hit, file.count)}`;
  const page = ({ file, id, hit }: (typeof shown)[number]): string =>
    `<section id="${id}"><p><a href="#">All files</a></p><h2>${escapeHtml(file.name)}</h2><p>${hit} of ${file.count} blocks, ${percent(hit, file.count)}</p><pre>${paintedSource(file, covered)}</pre></section>`;
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title><style>${STYLE}</style>
<h1>${escapeHtml(title)}</h1>
<p><b class="hit">covered</b> <b class="miss">not covered</b>; ${covered.size} of ${table.size} blocks, ${percent(covered.size, table.size)}, in ${shown.length} of ${table.files.length} files</p>
<table class="index"><tr><th>File<th>Covered<th>Blocks<th><th>
${shown.map(row).join('\n')}
</table>
${shown.map(page).join('\n')}
</html>
`;
}

function percent(part: number, whole: number): string {
  return `${whole === 0 ? '0.0' : ((part / whole) * 100).toFixed(1)}&nbsp;%`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]!);
}

/** The lines of a file, numbered, with the state of each place. */
function paintedSource(file: TableFile, covered: ReadonlySet<number>): string {
  const lines = (file.source ?? '').split('\n');
  const states = lines.map((line) => new Uint8Array(line.length));
  paintBlocks(file, covered, (line, from, to, state) => states[line - 1]?.fill(state, from, Math.min(to, lines[line - 1].length)));
  return lines
    .map((line, number) => {
      const indent = line.length - line.trimStart().length;
      states[number].fill(NO_BLOCK, 0, indent);
      return `<i>${number + 1}</i>${paintedLine(line, states[number])}`;
    })
    .join('\n');
}

function paintedLine(line: string, states: Uint8Array): string {
  let html = '';
  for (let at = 0; at < line.length; ) {
    const state = states[at];
    let end = at + 1;
    while (end < line.length && states[end] === state) end++;
    const text = escapeHtml(line.slice(at, end));
    html += state === NO_BLOCK ? text : `<b class="${state === COVERED ? 'h' : 'm'}">${text}</b>`;
    at = end;
  }
  return html;
}
