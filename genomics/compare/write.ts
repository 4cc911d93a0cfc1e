/** What a comparison says: a table, precision and recall by quality, and alleles as VCF. */
import type { Context, Output } from '../../core/job.ts';
import { version } from '../../core/version.ts';
import type { Contig } from '../formats/bam.ts';
import { fixed } from '../formats/decimal.ts';
import { writeLines } from '../formats/vcfwriter.ts';
import { type Compared, type Curve, kinds, type Score, scoreOf } from './result.ts';
import type { Params } from './settings.ts';

const share = (value: number): string => fixed(value, 4);
const matches = ['gt', 'allele'] as const;

export async function writeCompared(
  compared: Compared,
  output: Output,
  given: Params,
  json: boolean,
  context: Pick<Context, 'get'>,
): Promise<void> {
  const sink = await output.file();
  await sink.write(Buffer.from(json ? toJson(compared) : toTable(compared)));
  const wanted = given.files === '' ? [] : given.files.split(',');
  if (wanted.includes('roc')) await (await output.file('.roc.tsv')).write(Buffer.from(toCurves(compared)));
  for (const name of ['tp', 'fp', 'fn'] as const)
    if (wanted.includes(name))
      await writeLines(
        compared[name],
        output,
        `.${name}.vcf.gz`,
        headerOf(compared.contigs),
        compared.contigs,
        context,
      );
}

function toTable({ counts }: Compared): string {
  const rows = kinds.flatMap((kind) =>
    matches.map((how) => {
      const { truth, calls, tp, tpCalls, fp, fn, precision, recall, f1 } = scoreOf(counts[kind], how);
      return [kind, how, truth, calls, tp, tpCalls, fp, fn, share(precision), share(recall), share(f1)];
    }),
  );
  const head = ['kind', 'match', 'truth', 'calls', 'tp', 'tp_calls', 'fp', 'fn', 'precision', 'recall', 'f1'];
  return [head, ...rows].map((row) => `${row.join('\t')}\n`).join('');
}

function toJson({ counts }: Compared): string {
  const scores = matches.map((how) => [
    how,
    Object.fromEntries(kinds.map((kind) => [kind, rounded(scoreOf(counts[kind], how))])),
  ]);
  return `${JSON.stringify(Object.fromEntries(scores), null, 2)}\n`;
}
const rounded = (score: Score): object =>
  Object.fromEntries(Object.entries(score).map(([name, value]) => [name, Number(value.toFixed(4))]));

/** A line by least quality: from all calls on to fewer and fewer. */
function toCurves({ counts, curves }: Compared): string {
  const lines = ['kind\tmin_qual\ttp\tfp\tfn\tprecision\trecall\tf1'];
  for (const kind of kinds) {
    const { quality, right, wrong, found }: Curve = curves[kind];
    const sum = (values: Float64Array): number => values.reduce((all, n) => all + n, 0);
    let [r, w, f] = [sum(right), sum(wrong), sum(found)];
    quality.forEach((least, i) => {
      const { truth } = counts[kind];
      const { precision, recall, f1 } = scoreOf(
        { truth, calls: r + w, truthAgree: f, callsAgree: r, truthKnown: 0, callsKnown: 0 },
        'gt',
      );
      lines.push(
        [kind, least < 0 ? '.' : least, f, w, truth - f, share(precision), share(recall), share(f1)].join(
          '\t',
        ),
      );
      r -= right[i]!;
      w -= wrong[i]!;
      f -= found[i]!;
    });
  }
  return `${lines.join('\n')}\n`;
}

const headerOf = (contigs: readonly Contig[]): string =>
  `${[
    '##fileformat=VCFv4.3',
    `##source=servermix ${version} genomics/compare`,
    '##FILTER=<ID=PASS,Description="All filters passed">',
    ...contigs.map(({ name, length }) => `##contig=<ID=${name},length=${length}>`),
    '##INFO=<ID=OTHER,Number=1,Type=Integer,Description="Copies of the same allele on the other side, where their number differs">',
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype: copies of the allele">',
    '#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tSAMPLE',
  ].join('\n')}\n`;
