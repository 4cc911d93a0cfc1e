/** BCF made of VCF text (VCF 4.3 clause 6), for tests: by the letter of the specification, without regard for speed; and text of BCF as the reader under test has it. */
import { memorySource } from './memorysource.ts';
import { bcfLines, bcfRanges } from '../genomics/formats/bcf.ts';
import { readVcfHeading } from '../genomics/formats/vcffile.ts';

/** `minor`: of the version. `numbers`: each name gets an IDX of its own, out of order. */
export type BcfHow = { readonly minor?: 1 | 2; readonly numbers?: boolean };

const [int8, int16, int32, float, char] = [1, 2, 3, 5, 7];

const u32 = (...values: readonly number[]): Buffer => {
  const out = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => out.writeUInt32LE(value >>> 0, 4 * i));
  return out;
};

/** Type and count in front of values. */
const descriptor = (type: number, count: number): Buffer =>
  count < 15
    ? Buffer.of((count << 4) | type)
    : Buffer.concat([Buffer.of(0xf0 | type), Buffer.of(0x10 | int32), u32(count)]);

const string = (text: string): Buffer =>
  text === '.'
    ? descriptor(char, 0)
    : Buffer.concat([descriptor(char, Buffer.byteLength(text)), Buffer.from(text)]);

/** A whole number, missing (undefined), or none any more (null). */
type Whole = number | undefined | null;

function wholes(values: readonly Whole[], count: number, minor: number): Buffer {
  const known = values.filter((value) => typeof value === 'number');
  const fits = (least: number, most: number): boolean =>
    known.every((value) => value >= least && value <= most);
  const type = fits(-120, 127) ? int8 : fits(-32760, 32767) ? int16 : int32;
  const bytes = [0, 1, 2, 4][type]!;
  const least = -(2 ** (8 * bytes - 1));
  const out = Buffer.alloc(bytes * values.length);
  values.forEach((value, i) =>
    out.writeIntLE(value ?? (value === null && minor === 2 ? least + 1 : least), bytes * i, bytes),
  );
  return Buffer.concat([descriptor(type, count), out]);
}

function floats(values: readonly Whole[], count: number, minor: number): Buffer {
  const out = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => {
    if (typeof value === 'number') out.writeFloatLE(value, 4 * i);
    else out.writeUInt32LE(value === null && minor === 2 ? 0x7f800002 : 0x7f800001, 4 * i);
  });
  return Buffer.concat([descriptor(float, count), out]);
}

const numberOf = (text: string): Whole =>
  text === '.' ? undefined : Number(text.replace('inf', 'Infinity'));

/** Lists of equal length, filled up with null. */
const padded = (lists: readonly (readonly Whole[])[]): { values: Whole[]; count: number } => {
  const count = Math.max(...lists.map((list) => list.length));
  return { count, values: lists.flatMap((list) => [...list, ...Array(count - list.length).fill(null)]) };
};

const alleles = (text: string): Whole[] =>
  text
    .split(/(?=[/|])/)
    .map((one) => [one.startsWith('|') ? 1 : 0, one.replace(/[/|]/, '')] as const)
    .map(([phase, allele]) => (allele === '.' ? 0 : 2 * (Number(allele) + 1)) + phase);

/** The inflated bytes of the BCF, and where its records begin. */
export function bcfOf(vcf: string, { minor = 2, numbers = false }: BcfHow = {}) {
  const lines = vcf.split('\n').filter((line) => line !== '');
  const last = lines.findIndex((line) => line.startsWith('#CHROM'));
  const strings = new Map([['PASS', 0]]);
  const contigs = new Map<string, number>();
  const types = new Map<string, string>();
  const head = lines.slice(0, last + 1).map((line) => {
    const [, kind, id] = /^##(contig|FILTER|INFO|FORMAT)=<ID=([^,>]+)/.exec(line) ?? [];
    if (!kind) return line;
    const known = kind === 'contig' ? contigs : strings;
    const number = known.get(id!) ?? (numbers ? 400 - 3 * known.size : known.size);
    known.set(id!, number);
    types.set(`${kind}/${id}`, /Type=(\w+)/.exec(line)?.[1] ?? '');
    return numbers ? `${line.slice(0, -1)},IDX=${number}>` : line;
  });
  const text = Buffer.from(`${head.join('\n')}\n\0`);
  const key = (id: string): Buffer => wholes([strings.get(id)!], 1, minor);
  const samples = Math.max(0, lines[last]!.split('\t').length - 9);
  const parts: Buffer[] = [Buffer.from(`BCF\x02${String.fromCharCode(minor)}`), u32(text.length), text];
  const starts: number[] = [];
  let size = 9 + text.length;
  for (const line of lines.slice(last + 1)) {
    const [chrom, pos, id, ref, alt, qual, filter, info, format, ...columns] = line.split('\t');
    const all = [ref!, ...(alt === '.' ? [] : alt!.split(','))];
    const infos = info === '.' ? [] : info!.split(';');
    const keys = format === undefined || format === '.' ? [] : format.split(':');
    const fixed = Buffer.alloc(24);
    fixed.writeInt32LE(contigs.get(chrom!)!, 0);
    fixed.writeInt32LE(Number(pos) - 1, 4);
    fixed.writeInt32LE(ref!.length, 8);
    if (qual === '.') fixed.writeUInt32LE(0x7f800001, 12);
    else fixed.writeFloatLE(Number(qual), 12);
    fixed.writeUInt16LE(infos.length, 16);
    fixed.writeUInt16LE(all.length, 18);
    fixed.writeUInt32LE(samples + keys.length * 2 ** 24, 20);
    const filters = filter === '.' ? [] : filter!.split(';').map((name) => strings.get(name)!);
    const shared = Buffer.concat([
      fixed,
      string(id!),
      ...all.map((allele) => Buffer.concat([descriptor(char, allele.length), Buffer.from(allele)])),
      filters.length > 0 ? wholes(filters, filters.length, minor) : Buffer.of(0),
      ...infos.flatMap((one) => {
        const [name, value] = [one.split('=')[0]!, one.slice(one.indexOf('=') + 1)];
        const type = types.get(`INFO/${name}`);
        const list = value.split(',').map(numberOf);
        if (type === 'Flag') return [key(name), Buffer.of(0)];
        if (type === 'Integer') return [key(name), wholes(list, list.length, minor)];
        return [key(name), type === 'Float' ? floats(list, list.length, minor) : string(value)];
      }),
    ]);
    const individual = Buffer.concat(
      keys.flatMap((name, k) => {
        const texts = columns.map((column) => column.split(':')[k] ?? '.');
        const type = name === 'GT' ? 'GT' : types.get(`FORMAT/${name}`);
        if (type === 'String' || type === 'Character') {
          const count = Math.max(...texts.map((one) => Buffer.byteLength(one)));
          const letters = texts.map((one) => Buffer.concat([Buffer.from(one), Buffer.alloc(count)], count));
          return [key(name), descriptor(char, count), ...letters];
        }
        const { values, count } = padded(
          texts.map((one) => (type === 'GT' ? alleles(one) : one.split(',').map(numberOf))),
        );
        return [key(name), (type === 'Float' ? floats : wholes)(values, count, minor)];
      }),
    );
    starts.push(size);
    parts.push(u32(shared.length, individual.length), shared, individual);
    size += 8 + shared.length + individual.length;
  }
  return { bytes: Buffer.concat(parts), starts };
}

/** The text of a BCF by parts, and how many there were. */
export async function textOf(file: Uint8Array, split = 1e9): Promise<{ text: string; parts: number }> {
  const source = memorySource(file);
  const { header, bcf, packing } = await readVcfHeading(source, 'x.bcf');
  const ranges = await bcfRanges(source, 'x.bcf', bcf!, packing, split);
  const found = [Buffer.from(header.text)];
  const { signal } = new AbortController();
  for (const range of ranges)
    for await (const { bytes } of bcfLines(source, 'x.bcf', range, bcf!, packing, signal))
      found.push(Buffer.from(bytes));
  return { text: Buffer.concat(found).toString(), parts: ranges.length };
}

export const head = `##fileformat=VCFv4.3
##FILTER=<ID=PASS,Description="All filters passed">
##FILTER=<ID=q10,Description="an "IDX=3">, say">
##contig=<ID=chr1,length=249250621>
##contig=<ID=chr2>
##INFO=<ID=DP,Number=1,Type=Integer,Description="d">
##INFO=<ID=AF,Number=A,Type=Float,Description="f">
##INFO=<ID=DB,Number=0,Type=Flag,Description="b">
##INFO=<ID=CSQ,Number=.,Type=String,Description="c">
##FORMAT=<ID=GT,Number=1,Type=String,Description="g">
##FORMAT=<ID=DP,Number=1,Type=Integer,Description="d">
##FORMAT=<ID=PL,Number=G,Type=Integer,Description="p">
##FORMAT=<ID=GP,Number=G,Type=Float,Description="p">
##FORMAT=<ID=FT,Number=1,Type=String,Description="t">
#CHROM	POS	ID	REF	ALT	QUAL	FILTER	INFO	FORMAT	a	b	c
`.replace('"an "IDX=3">, say"', '"an IDX=3>, say"');
/** Records of many shapes, under `head`. */
export const shapes = `chr1	1	.	A	.	.	.	.	.	.	.	.
chr1	10	rs1;rs2	AC	A,<DEL>	29.5	PASS	DP=127;AF=0.5,.;DB;CSQ=x|y,z	GT:DP:PL:GP:FT	0/1:3:0,10,200:0.1,0.9,1e-05:PASS	1|1:.:.:.:.	./.:-7:0,.,3:.,.,1:q10
chr1	11	é	A	C	1e+06	q10	DP=.;AF=1e-10	GT:DP	0:128	0|1|2/.:40000	.:-2000000000
chr2	2147483647	.	acgt	*	0	PASS;q10	DP=-121	GT	0/0	.|1	.
chr2	0	.	N	<*>,]chr1:5]N	-0.001	PASS	AF=nan,inf,-inf,0.000123457	DP:FT	1000000:abc	.:a	-1:.
`;
