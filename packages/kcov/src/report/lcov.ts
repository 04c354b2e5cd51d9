import type { BlockTable } from '../block-table.js';
import { COVERED, coveredBlocks, paintBlocks } from './covered.js';

/**
 * Coverage of lines in lcov's format (geninfo(1)): a line is covered if any block on it is. For all files of the table, covered or not.
 *
 * @example
 * import { BlockTable, lcovReport } from '@sbx/kcov/report';
 *
 * const table = new BlockTable([{ name: 'a.ts', blocks: [1, 0, 1, 6, 2, 2, 2, 6] }]);
 * const report = lcovReport(table, [0xffffffff80000000n]);
 * report; // 'TN:\nSF:a.ts\nDA:1,1\nDA:2,0\nLF:2\nLH:1\nend_of_record\n'
 */
export function lcovReport(table: BlockTable, pcs: Iterable<bigint>): string {
  const covered = coveredBlocks(table, pcs);
  let text = 'TN:\n';
  for (const file of table.files) {
    const lines = new Map<number, number>();
    paintBlocks(file, covered, (line, _from, _to, state) => {
      lines.set(line, Math.max(lines.get(line) ?? 0, state === COVERED ? 1 : 0));
    });
    text += `SF:${file.name}\n`;
    let hit = 0;
    for (const [line, count] of [...lines].sort(([a], [b]) => a - b)) {
      text += `DA:${line},${count}\n`;
      hit += count;
    }
    text += `LF:${lines.size}\nLH:${hit}\nend_of_record\n`;
  }
  return text;
}
