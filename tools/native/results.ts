import { markdownTable } from 'markdown-table';
import { type Measurement, summarize } from './measure.js';

/** One thing that was measured, in several systems: samples in nanoseconds, by the system's name; or why there are none. */
export interface Row {
  readonly name: string;
  readonly samples: Readonly<Record<string, readonly number[] | string>>;
}

/** A table of a benchmark: each system's median, 95th percentile and, except for the first system, the median's ratio to the first one's. */
export interface Table {
  readonly title: string;
  /** What the figures are, and what to know about them. */
  readonly notes: readonly string[];
  readonly systems: readonly string[];
  readonly rows: readonly Row[];
}

/** The table's cells as numbers. */
export function toJson({ title, notes, systems, rows }: Table): object {
  const results = rows.map(({ name, samples }) => {
    const base = summary(samples[systems[0]]);
    const columns = systems.map((system) => {
      const cell = samples[system];
      const figures = summary(cell);
      if (figures === null) return [system, { missing: typeof cell === 'string' ? cell : 'not measured' }];
      const ratio = base === null ? null : figures.median / base.median;
      return [system, { medianNs: figures.median, p95Ns: figures.p95, ratio, samples: cell?.length }];
    });
    return { name, ...Object.fromEntries(columns) };
  });
  return { title, notes, systems, results };
}

/** The table in Markdown, which can also be read as it is. */
export function toMarkdown({ title, notes, systems, rows }: Table): string {
  const head = ['', ...systems.flatMap((system, i) => (i === 0 ? [system, 'p95'] : [system, 'p95', 'ratio']))];
  const remarks = new Set<string>();
  const body = rows.map(({ name, samples }) => {
    const base = summary(samples[systems[0]]);
    return [
      name,
      ...systems.flatMap((system, i) => {
        const cell = samples[system];
        const figures = summary(cell);
        if (figures === null) {
          if (typeof cell === 'string') remarks.add(`${name}, ${system}: ${cell}.`);
          return i === 0 ? ['-', ''] : ['-', '', ''];
        }
        const columns = [duration(figures.median), duration(figures.p95)];
        return i === 0 ? columns : [...columns, base === null ? '' : (figures.median / base.median).toPrecision(3)];
      }),
    ];
  });
  const align = head.map((_, i) => (i === 0 ? 'l' : 'r'));
  const below = [...notes, ...remarks].map((note) => `- ${note}\n`).join('');
  return `## ${title}\n\n${markdownTable([head, ...body], { align })}\n${below === '' ? '' : `\n${below}`}`;
}

function summary(cell: readonly number[] | string | undefined): Measurement | null {
  return typeof cell === 'object' && cell.length > 0 ? summarize([...cell]) : null;
}

/** A time with its unit, with three digits. */
export function duration(nanoseconds: number): string {
  const units = ['ns', 'us', 'ms', 's'];
  let value = nanoseconds;
  let unit = 0;
  while (Math.abs(value) >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${Number(value.toPrecision(3))} ${units[unit]}`;
}
