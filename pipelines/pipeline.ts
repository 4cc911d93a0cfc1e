/** What a pipeline declares: jobs over many inputs, and a table over their results. */
import type { AnyJob, Inputs, Planning, Stage } from '../core/job.ts';
import type { Options } from '../core/json.ts';
import type { Finished } from '../core/run.ts';

/** A job of a pipeline. `name` is what its files are called in the folder. */
export type Step = { readonly name: string; readonly stage: Stage };

/** A line of a pipeline's table, by column; null where there is no value. */
export type Row = { readonly [column: string]: string | number | null };

/** What a command line is made from, be it a job's or a pipeline's. `folder`: `--out` is one, made where there is none. */
export type Runnable = Pick<
  AnyJob,
  'name' | 'doc' | 'examples' | 'inputs' | 'params' | 'split' | 'unit' | 'counts'
> & {
  readonly output: AnyJob['output'] | 'folder';
};

/**
 * Jobs that run one after the other on one backend, each with all of its workers: a step is an ordinary run, with a record, a resume and files of its own.
 * Which steps there are follows from the inputs alone, so that all can be planned before any runs.
 */
export type Pipeline = Runnable & {
  readonly output: 'folder';
  /** The job that its steps begin with. */
  first(): Promise<AnyJob>;
  /** At least one. @throws BadUsage where two would have one name */
  steps(inputs: Inputs, params: Options): readonly Step[];
  /** What the table says of a step. */
  row(step: Step, finished: Finished, planning: Planning): Promise<Row>;
};

export const isPipeline = (runnable: Runnable): runnable is Pipeline => runnable.output === 'folder';

/** A step's name in front of what is said of it. */
export const labelOf = (steps: readonly Step[], i: number): string =>
  `[${i + 1}/${steps.length}] ${steps[i]!.name}: `;

/** A table with tabs: columns in the order in which rows first name them; absent values are empty. */
export function tableOf(rows: readonly Row[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cell = (value: Row[string] | undefined): string => `${value ?? ''}`.replace(/[\t\r\n]/g, ' ');
  const lines = [columns, ...rows.map((row) => columns.map((column) => row[column]))];
  return lines.map((cells) => `${cells.map(cell).join('\t')}\n`).join('');
}
