/** Walks the lines of FASTA text: which sequences there are, and how their lines are laid out (samtools faidx). */

/** A sequence, or what a stretch of text has of one. Bytes count from where the text of the stretch begins. */
export type Entry = {
  /** Null for the rest of a sequence that began before. */
  name: string | null;
  /** Of its first line. */
  start: number;
  /** Letters of all lines, and of the first one; bytes of that with its end. */
  bases: number;
  perLine: number;
  width: number;
  lines: number;
  /** A shorter or a blank line came: no more may follow. */
  closed: boolean;
};

/** What is wrong with the line that begins at a byte. */
export type Fault = { readonly at: number; readonly found: string; readonly expected: string };

export type Walker = {
  /** Takes more text. Gives what is wrong, if anything. */
  take(bytes: Uint8Array): Fault | undefined;
  /** Ends a last line that has no line feed. */
  end(): Fault | undefined;
  readonly entries: readonly Entry[];
  /** Bytes taken. */
  readonly length: number;
};

const [lineFeed, greater, carriageReturn] = [10, 0x3e, 13];
/** Bytes of a header line. */
const maxHeader = 1 << 16;
const isGraph = new Uint8Array(256).fill(1, 0x21, 0x7f);

export const orderly = 'all lines of a sequence but its last one of equal length';

/** Walks text that begins with a line; `origin` is its first byte, and `isFirst` whether the file begins there. */
export function createWalker(origin: number, isFirst: boolean): Walker {
  const entries: Entry[] = [];
  let length = 0;
  /** Of the line at hand: where it begins, its bytes and letters so far; whether it is a header, and that header. */
  let [lineStart, lineBytes, lineBases] = [0, 0, 0];
  let isHeader = false;
  let firstByte = 0;
  let header = '';

  const fail = (found: string, expected: string): Fault => ({ at: origin + lineStart, found, expected });
  const endLine = (): Fault | undefined => {
    const start = lineStart + lineBytes;
    if (isHeader) {
      const name = /^>\s*(\S*)/.exec(header)![1]!;
      entries.push({
        name,
        start: origin + start,
        bases: 0,
        perLine: 0,
        width: 0,
        lines: 0,
        closed: false,
      });
      return undefined;
    }
    if (entries.length === 0) {
      if (isFirst) {
        if (lineBytes === 1 || (lineBytes === 2 && firstByte === carriageReturn)) return undefined;
        const kind =
          firstByte === 0x40 ? "'@' as FASTQ has it" : JSON.stringify(String.fromCharCode(firstByte));
        return fail(kind, "'>' and a name");
      }
      entries.push({
        name: null,
        start: origin + lineStart,
        bases: 0,
        perLine: 0,
        width: 0,
        lines: 0,
        closed: false,
      });
    }
    const entry = entries.at(-1)!;
    const isBlank = lineBytes === 1 || (entry.closed && lineBytes === 2 && firstByte === carriageReturn);
    if (isBlank) {
      entry.closed = true;
      return undefined;
    }
    if (entry.closed) return fail('a line of sequence behind a shorter or blank one', orderly);
    if (entry.lines === 0) [entry.width, entry.perLine] = [lineBytes, lineBases];
    else if (lineBytes > entry.width)
      return fail(`a line of ${lineBytes - 1} bytes behind one of ${entry.width - 1}`, orderly);
    else if (lineBytes < entry.width) entry.closed = true;
    entry.lines++;
    entry.bases += lineBases;
    return undefined;
  };
  const step = (): Fault | undefined => {
    const fault = endLine();
    lineStart += lineBytes;
    [lineBytes, lineBases, isHeader, header] = [0, 0, false, ''];
    return fault;
  };
  return {
    entries,
    get length() {
      return length;
    },
    take(bytes) {
      length += bytes.length;
      for (let i = 0; i < bytes.length;) {
        if (lineBytes === 0) {
          firstByte = bytes[i]!;
          isHeader = firstByte === greater;
        }
        const found = bytes.indexOf(lineFeed, i);
        const stop = found < 0 ? bytes.length : found;
        if (isHeader) {
          // Bytes as characters: names are written as they were.
          header += Buffer.from(bytes.buffer, bytes.byteOffset + i, stop - i).toString('latin1');
          if (header.length > maxHeader)
            return fail(`a header of more than ${maxHeader} bytes`, 'a name and a description');
        } else {
          let bases = 0;
          for (let k = i; k < stop; k++) bases += isGraph[bytes[k]!]!;
          lineBases += bases;
        }
        lineBytes += stop - i;
        i = stop;
        if (found < 0) break;
        lineBytes++;
        i++;
        const fault = step();
        if (fault) return fault;
      }
      return undefined;
    },
    end() {
      if (lineBytes === 0) return undefined;
      // As long as if it had one.
      lineBytes++;
      return step();
    },
  };
}

/**
 * Joins the entries of neighbouring stretches; what `left` has is changed. Gives what is wrong where a sequence goes on, if anything.
 */
export function joinEntries(left: Entry[], right: readonly Entry[]): Fault | undefined {
  const [first, ...rest] = right;
  const last = left.at(-1);
  if (!first) return undefined;
  if (first.name !== null || !last) {
    for (const entry of right) left.push(entry);
    return undefined;
  }
  const fail = (found: string): Fault => ({ at: first.start, found, expected: orderly });
  // Lines with nothing but a carriage return are blank behind a shorter one.
  const isBlank = first.bases === 0 && first.width === 2 && last.width > 2;
  if (isBlank) last.closed = true;
  else if (first.lines > 0) {
    if (last.closed) return fail('a line of sequence behind a shorter or blank one');
    if (last.lines === 0) [last.width, last.perLine] = [first.width, first.perLine];
    else if (first.width > last.width)
      return fail(`a line of ${first.width - 1} bytes behind one of ${last.width - 1}`);
    else if (first.width < last.width && first.lines > 1)
      return fail('a line of sequence behind a shorter or blank one');
    else if (first.width < last.width) last.closed = true;
    last.lines += first.lines;
    last.bases += first.bases;
  }
  last.closed ||= first.closed;
  for (const entry of rest) left.push(entry);
  return undefined;
}
