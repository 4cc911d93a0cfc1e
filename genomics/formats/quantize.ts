/** The bins of depth of mosdepth's `--quantize`. */
import { BadUsage } from '../../core/errors.ts';

/** Bin i holds depths from `edges[i]`, inclusive, to `edges[i + 1]`, exclusive. */
export type Bins = { readonly edges: readonly number[]; readonly labels: readonly string[] };

/**
 * Reads `0:1:5:150:`. A colon in front stands for an edge of 0 before it, one behind for an edge of infinity; a single number
 * gets both. `labels` name the bins from the first on, an empty one or none leaves `from:to`.
 * @throws BadUsage
 */
export function parseBins(text: string, labels: readonly string[] = []): Bins {
  let list = text.includes(':') ? text : `:${text}:`;
  if (list.startsWith(':')) list = `0${list}`;
  const isOpen = list.endsWith(':');
  const numbers = (isOpen ? list.slice(0, -1) : list).split(':');
  if (!numbers.every((number) => /^\d{1,15}$/.test(number)))
    throw new BadUsage(
      `option quantize: found ${JSON.stringify(text)}, expected depths with colons between, say 0:1:5:150:`,
    );
  const edges = numbers.map(Number).sort((a, b) => a - b);
  if (isOpen) edges.push(Infinity);
  const names = edges
    .slice(1)
    .map((edge, i) => labels[i] || `${edges[i]}:${edge === Infinity ? 'inf' : edge}`);
  return { edges, labels: names };
}

/** The bin of a depth, -1 when it has none. A depth that several edges equal takes the first of them. */
export function binOf({ edges }: Bins, depth: number): number {
  const above = edges.findIndex((edge) => edge >= depth);
  if (above < 0) return -1;
  const bin = edges[above] === depth ? above : above - 1;
  return bin < edges.length - 1 ? bin : -1;
}
