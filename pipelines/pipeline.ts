/** What a pipeline declares: jobs over many inputs, and a table over their results. */
import type { OutputFile } from '../core/output.ts';
import type { AnyJob, Inputs, Planning, Stage } from '../core/job.ts';
import type { Json, Options } from '../core/json.ts';
import type { Finished } from '../core/run.ts';

/** A job of a pipeline. */
export type Step = {
  readonly name: string;
  readonly stage: Stage;
  /** What its files are called in the folder, unless it is `name`; with '' they are called by what the job puts behind. */
  readonly out?: string;
  /**
   * Inputs that are files of steps before, by their names in the folder. When the run is planned what the stage has in their place stands in for them; where that is empty,
   * only the run can tell.
   */
  readonly reads?: { readonly [input: string]: readonly string[] };
};

/** A step that has run, and what it wrote. */
export type Done = Step & { readonly finished: Finished; readonly files: readonly OutputFile[] };

/** A line of a table over steps, by column; null where there is no value. */
export type Row = { readonly [column: string]: string | number | null };

/** What a command line is made from, be it a job's or a pipeline's. `folder`: `--out` is one, made where there is none. */
export type Runnable = Pick<
  AnyJob,
  'name' | 'doc' | 'examples' | 'inputs' | 'params' | 'split' | 'unit' | 'counts'
> & {
  readonly output: AnyJob['output'] | 'folder';
};

/** What stands beside the files of the steps: text by name, and what `--json` says. */
export type Ending = {
  readonly files: { readonly [name: string]: string };
  readonly said: { readonly [name: string]: Json };
};

/**
 * Jobs that run one after the other on one backend, each with all of its workers: a step is an ordinary run, with a record, a resume and files of its own.
 * Which steps there are follows from the inputs alone.
 */
export type Pipeline = Runnable & {
  readonly output: 'folder';
  /** The job that its steps begin with. */
  first(): Promise<AnyJob>;
  /** Looks at inputs that no first step reads, so that bad ones are told before any work. @throws BadInput */
  check?(inputs: Inputs, planning: Planning): Promise<unknown>;
  /** At least one. @throws BadUsage where two would have one name */
  steps(inputs: Inputs, params: Options): readonly Step[];
  /** What is written when all steps are done. */
  end(done: readonly Done[], params: Options, planning: Planning): Promise<Ending>;
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
