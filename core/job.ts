/** The vocabulary of servermix: what a domain module declares and what a worker executes. */
import type { Codec } from './codec.ts';
import type { Failure } from './errors.ts';
import type { Json, Options } from './json.ts';
import type { Spec, Values } from './params.ts';

/** Content address of a task and of its result: `<job>@<version>/<sha256>`; a blob beside it is `<key>.<n>-<digest>`. */
export type Key = `${string}@${number}/${string}`;

/** Bytes somewhere. `id` names their content (ETag and size, or size, time and a sample of the bytes); keys hash `id`, never `uri`. */
export type Dataset = {
  readonly uri: string;
  readonly format: string;
  readonly id: string;
  /** Bytes. */
  readonly size: number;
  /** Of a local file known by a digest: when it was last written, which tells that it changed since. Not in keys. */
  readonly written?: string;
  /** How a remote object is asked for, where that is not the usual way. Not in keys. */
  readonly access?: Access;
  /** Bytes of it that lie in the store: file number `file` of the result of a job that brought them (`core/sources/held.ts`). Not in keys. */
  readonly held?: { readonly by: Dataset; readonly file: number };
};

/** `unsigned`: without credentials, as public buckets allow; `requesterPays`: whoever reads agrees to pay for it. */
export type Access = { readonly unsigned?: boolean; readonly requesterPays?: boolean };

/** Named inputs, say `{ reads: [bam], reference: [fasta] }`; a name holds one dataset unless the job says `many`. */
export type Inputs = { readonly [name: string]: readonly Dataset[] };

/** Ranged reads; offsets in bytes, end exclusive. */
export interface Source {
  readonly size: number;
  /**
   * Exactly the bytes `[start, end)`, or throws; no range is past `size`. They lie in `into`, where that is long enough and the
   * source can: a reader that comes again and again then costs no new memory. The caller may keep what it was given.
   */
  read(start: number, end: number, into?: Uint8Array): Promise<Uint8Array>;
  /**
   * The same bytes in order, in pieces of the source's choice, by one request: where a request is dear, a long range read so costs one
   * and little memory. A piece is valid until the next one is asked for. A consumer that stops early ends the request.
   */
  stream?(start: number, end: number): AsyncIterable<Uint8Array>;
  close?(): Promise<void>;
}

/** Blobs by key. `put` is atomic and put-if-absent: two puts under one key carry the same bytes. */
export interface Store {
  has(key: Key): Promise<boolean>;
  /** Those of `keys` that are there; for stores in which many questions at once are cheaper than one by one. */
  hasAll?(keys: readonly Key[]): Promise<ReadonlySet<Key>>;
  /** The whole blob, or its bytes `[start, end)`. */
  get(key: Key, start?: number, end?: number): Promise<Uint8Array>;
  put(key: Key, bytes: Uint8Array): Promise<void>;
}

/** A blob in the store, named by a result. */
export type Stored = { readonly key: Key; readonly size: number };

/** What planning may touch: headers and indexes. */
export interface Planning {
  open(dataset: Dataset): Promise<Source>;
  /** A companion file, say an index, if it exists. */
  find(uri: string): Promise<Dataset | undefined>;
  readonly signal: AbortSignal;
}

/** What a kernel, a merge or a writer may touch besides its arguments. */
export interface Context {
  /** Opened once a worker, and shared: do not close it. */
  open(dataset: Dataset): Promise<Source>;
  /** Stores a large piece beside the result. `bytes` may be moved away: they are not to be used after. */
  put(bytes: Uint8Array): Promise<Stored>;
  get(stored: Stored, start?: number, end?: number): Promise<Uint8Array>;
  /** A WebAssembly module that the job declares, compiled once a process and posted to the workers. */
  module(name: string): Promise<WebAssembly.Module>;
  readonly signal: AbortSignal;
}

/** One file being written; bytes come in order. */
export interface Sink {
  write(bytes: Uint8Array): Promise<void>;
}
/** A sink that also takes what is in the store. */
export interface FileSink extends Sink {
  /** Writes bytes `[start, end)` of a blob, all of it unless told. They do not pass through here where store and file are neighbours. */
  append(stored: Stored, start?: number, end?: number): Promise<void>;
}
/** Where results go. All files appear together when the writer is done, or none does. */
export interface Output {
  /** The file at `--out` followed by `suffix`; standard output where the job allows it and no `--out` was given. */
  file(suffix?: string): Promise<FileSink>;
}
/** Where files are made; who can take blobs from the store without reading them has `append`, who can forget what was written behind a byte, `rewind`. */
export interface Target {
  file(
    suffix?: string,
  ): Promise<Sink & Partial<FileSink> & { readonly rewind?: (to: number) => Promise<void> }>;
}

export type InputSpec = {
  readonly doc: string;
  /** Extensions that the job reads, the first one the usual. */
  readonly formats: readonly string[];
  readonly many?: boolean;
  readonly optional?: boolean;
  /** Values are `name=file#2,name=file, ...`, one a scene: the option of this name gets which file, and which part of it, each name is. */
  readonly named?: string;
};

/** What `partition` found. */
export type Partition<Part> = {
  /** In merge order. */
  readonly parts: readonly Part[];
  /** Records that the inputs themselves promise. */
  readonly records?: number;
  /** What a person should know of the inputs, a line each. */
  readonly notes?: readonly string[];
};

/** Everything a writer needs besides the result. */
export type Written<I extends Inputs, S extends Spec> = {
  readonly inputs: I;
  readonly params: Values<S>;
  /** `--json` was given: a text result may take that form. */
  readonly json: boolean;
};

/** A domain module: partition + kernel + merge + writer. Bump `version` whenever results change. */
export interface Job<I extends Inputs, S extends Spec, Part extends Json, R> {
  /** `<domain>/<name>`, say `genomics/coverage`. */
  readonly name: string;
  readonly version: number;
  /** One line for lists and help. */
  readonly doc: string;
  /** Arguments of typical calls, for help. */
  readonly examples?: readonly string[];
  readonly inputs: { readonly [K in keyof I]: InputSpec };
  /** Options that change the result; they enter the key. An option may share its name with an optional input:
   * a value that is not an option's names a file then (`--by 500`, `--by exons.bed`). */
  readonly params: S;
  /** Default size of a part, in `unit`. Never changes the result. */
  readonly split: number;
  readonly unit: string;
  /** What `records` counts, say `reads`. */
  readonly counts: string;
  /** `text` may go to standard output; `file` needs `--out`; `prefix` writes several files that start with `--out`. */
  readonly output: 'text' | 'file' | 'prefix';
  readonly result: Codec<R>;
  /** WebAssembly that the kernel asks for by name. */
  readonly modules?: { readonly [name: string]: () => URL };
  /**
   * A job to run before, where several parts would otherwise read the same remote bytes: over one input of this one, which then has them from the store. Its result is a
   * `Held`. Never changes the result of this one.
   */
  before?(inputs: I, params: Values<S>, split: number, planning: Planning): Promise<Stage | undefined>;
  /** Splits the work. Reads headers and indexes only. Throws BadInput; at least one part unless there is nothing at all. */
  partition(inputs: I, params: Values<S>, split: number, planning: Planning): Promise<Partition<Part>>;
  /** Work in a part, in `unit`: the longest goes first. */
  weight?(part: Part): number;
  /** `unit` that one core works off in a second, as last measured: what estimates rest on. */
  readonly pace?: number;
  /**
   * The kernel lets others of its thread go on every few milliseconds, and holds little memory: the driver may run it beside its own
   * work, and does from the start, when its workers still boot.
   */
  readonly givesWay?: boolean;
  /** Upper bound of the memory of a part's kernel beyond an idle worker, in bytes. */
  memory?(part: Part, params: Values<S>): number;
  /** One part to one result. Pure: same arguments, same bytes, on every backend. */
  kernel(part: Part, inputs: I, params: Values<S>, context: Context): Promise<R>;
  /** Associative. `results` are neighbours, in partition order; never empty. */
  merge(results: readonly R[], params: Values<S>, context: Context): R | Promise<R>;
  /** Records that went into a result; of the whole it must equal what `partition` promised. */
  records(result: R): number;
  /** A second job over the first one's result (a shuffle is two jobs); its result is the one that is written. Not called
   * `then`, which would make a job a promise. */
  next?(result: Dataset, value: R, inputs: I, params: Values<S>): Stage;
  /**
   * Blobs that the writer appends whole for this part, in order, if the parts before it had such, too; undefined from where that is not known. It
   * lets them be copied while other parts run. Only of files that are written in any case.
   */
  appends?(
    result: R,
    params: Values<S>,
  ): readonly { readonly suffix?: string; readonly stored: Stored }[] | undefined;
  write?(result: R, output: Output, how: Written<I, S>, context: Context): Promise<void>;
}

// Jobs of different types share a catalog; the type parameters are recovered by `define`.
export type AnyJob = Job<any, any, any, any>;

/** A job with its arguments. */
export type Stage = { readonly job: AnyJob; readonly inputs: Inputs; readonly params: Options };

/** Checks types; adds nothing at run time. */
export function define<I extends Inputs, S extends Spec, Part extends Json, R>(
  job: Job<I, S, Part, R>,
): Job<I, S, Part, R> {
  return job;
}

/** What a worker executes: a registered job named by id, never a closure. `job` is `<name>@<version>`. */
export type Task =
  | {
      readonly op: 'kernel';
      readonly key: Key;
      readonly job: string;
      readonly inputs: Inputs;
      readonly params: Options;
      readonly part: Json;
    }
  | {
      readonly op: 'merge';
      readonly key: Key;
      readonly job: string;
      readonly params: Options;
      readonly parts: readonly Key[];
    };

/** What a worker measured of one task. */
export type Usage = {
  /** Milliseconds from taking the task to its answer, and those of them in which the worker's thread was not waiting. */
  readonly wall: number;
  readonly busy: number;
  /** Bytes read from inputs, and the requests that took. */
  readonly bytes: number;
  readonly reads: number;
  /** Resident bytes of the worker's process at the end. */
  readonly rss: number;
  /** What the backend charges for, where it charges. */
  readonly bill?: Bill;
};

/** What is paid for: calls of a function, its time times its memory (GB = 2^30 bytes, as billed), and requests to object storage. */
export type Bill = {
  readonly invocations: number;
  readonly gbSeconds: number;
  /** GET, HEAD and the like; PUT, COPY, POST and LIST. */
  readonly gets: number;
  readonly puts: number;
};

/** What a worker answers. */
export type Reply =
  | { readonly ok: true; readonly usage: Usage }
  | {
      readonly ok: false;
      readonly kind: Failure;
      readonly message: string;
      readonly stack?: string;
      readonly bill?: Bill;
    };

/** Somewhere a task can run. Knows nothing of plans, retries or resume. Rejects with TaskError. */
export interface Backend {
  readonly name: string;
  /** Tasks that may be in flight at once, now: a backend may grow while it runs. */
  readonly concurrency: number;
  run(task: Task, options: RunOptions): Promise<Usage>;
  /** Takes a compiled module that jobs will ask for, where workers can be handed one. */
  share?(name: string, module: WebAssembly.Module): void;
  close(): Promise<void>;
}

/** The jobs there are, loaded when first asked for: a command pays for the modules of its own job only. */
export interface Catalog {
  readonly names: readonly string[];
  /** Throws BadUsage for a name that is not there. */
  load(name: string): Promise<AnyJob>;
}
export type RunOptions = {
  readonly signal: AbortSignal;
  /** Milliseconds after which the task is given up as `timeout`. */
  readonly timeout?: number;
  /** 1 at first, doubled after each `oom`: a backend that can gives that many times its usual memory. */
  readonly scale?: number;
  /** Bytes that the job plans to use for this task beyond an idle worker; 0 where it does not say. */
  readonly memory?: number;
};
