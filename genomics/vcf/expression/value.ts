/** What an expression works with: numbers or text, of a record or of each of its samples, and whether something holds. */

/** NaN is a missing number; what is not there at all has a `count` of 0. */
export type Numbers = {
  readonly is: 'numbers';
  /** Of each sample `width` numbers, one after the other; or of the record. */
  readonly perSample: boolean;
  /** Which samples are meant, where not all are. */
  readonly mask?: Uint8Array | undefined;
  width: number;
  count: number;
  data: Float64Array;
};
/** Values with commas between; `.` is missing. */
export type Words = {
  readonly is: 'words';
  readonly perSample: boolean;
  readonly mask?: Uint8Array | undefined;
  count: number;
  /** Of each sample, or one of the record. */
  texts: string[];
};
export type Value = Numbers | Words;

/** Whether it holds for the record, and for which samples where it is about samples. */
export type Verdict = { site: boolean; readonly samples: Uint8Array | undefined };

export const createNumbers = (perSample: boolean, mask?: Uint8Array): Numbers => ({
  is: 'numbers',
  perSample,
  mask,
  width: 1,
  count: 0,
  data: new Float64Array(perSample ? 16 : 4),
});
export const createWords = (perSample: boolean, mask?: Uint8Array): Words => ({
  is: 'words',
  perSample,
  mask,
  count: 0,
  texts: [],
});

/** Makes room for `count` numbers, `width` a sample. */
export function resize(numbers: Numbers, count: number, width: number): void {
  if (numbers.data.length < count) numbers.data = new Float64Array(2 * count);
  numbers.count = count;
  numbers.width = width;
}
