/** NTv2: grids of shifts from one datum to another, bilinear between nodes. Source: Natural Resources Canada, "NTv2 Developer's Guide", appendix C. */
import { BadInput } from '../../core/errors.ts';
import type { Source } from '../../core/job.ts';

/** Longitude and latitude, degrees. */
export type Place = { readonly x: number; readonly y: number };

/** A grid that leads from an old datum to a newer one; places become NaN where no grid lies. */
export type ShiftGrid = {
  /** What the file calls the datums that it leads from and to. */
  readonly from: string;
  readonly to: string;
  /** Metres of the ellipsoid's equatorial radius that it leads from. */
  readonly radius: number;
  readonly uri: string;
  forward(place: Place): Place;
  inverse(place: Place): Place;
};

/** Nodes go from south to north, in each row from east to west; seconds of arc, longitudes positive to the west. */
type Sheet = {
  readonly name: string;
  readonly parent: string;
  readonly south: number;
  readonly east: number;
  readonly stepY: number;
  readonly stepX: number;
  readonly columns: number;
  readonly rows: number;
  /** Of each node the shifts to the north and to the west. */
  readonly shifts: Float32Array;
  readonly children: Sheet[];
};

const record = 16;
const header = 11 * record;
const nowhere: Place = { x: NaN, y: NaN };
/** Bytes of a file, at most: the largest of national agencies have some 80 MiB. */
const largest = 2 ** 27;
/** Parts of a step by which a place may lie beside a grid that ends there. */
const hair = 1e-5;

/** @throws BadInput for a file that is no NTv2 grid, or not all of one */
export async function readShiftGrid(source: Source, uri: string): Promise<ShiftGrid> {
  const fail = (at: number, found: string, expected: string): BadInput =>
    new BadInput(
      `NTv2: byte ${at} of ${uri}: found ${found}, expected ${expected}; give a grid of shifts (.gsb) that is whole`,
    );
  if (source.size < 2 * header || source.size > largest)
    throw fail(0, `a file of ${source.size} bytes`, `${2 * header} to ${largest}`);
  const bytes = await source.read(0, source.size);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const text = (at: number): string =>
    Buffer.from(bytes.subarray(at + 8, at + 16))
      .toString('latin1')
      .trim();
  const key = Buffer.from(bytes.subarray(0, 8)).toString('latin1');
  if (!key.startsWith('NUM_OREC')) throw fail(0, JSON.stringify(key), 'NUM_OREC');
  const isLittle = view.getInt32(8, true) === 11;
  const whole = (at: number): number => view.getInt32(at + 8, isLittle);
  const real = (at: number): number => view.getFloat64(at + 8, isLittle);
  if (whole(0) !== 11 || whole(record) !== 11)
    throw fail(8, `${whole(0)} and ${whole(record)} records a header`, '11');
  const seconds = { SECONDS: 1, MINUTES: 60, DEGREES: 3600 }[text(3 * record)];
  if (seconds === undefined) throw fail(3 * record, JSON.stringify(text(3 * record)), 'SECONDS');
  const count = whole(2 * record);
  const most = Math.floor(source.size / (header + 4 * record));
  if (!(count >= 1 && count <= most)) throw fail(2 * record, `${count} grids`, `1 to ${most}`);

  const sheets: Sheet[] = [];
  let at = header;
  for (let i = 0; i < count; i++) {
    if (at + header > bytes.length) throw fail(at, 'the end of the file', `grid ${i + 1} of ${count}`);
    const [south, north, east, west, stepY, stepX] = [4, 5, 6, 7, 8, 9].map(
      (k) => real(at + k * record) * seconds,
    ) as [number, number, number, number, number, number];
    const [columns, rows] = [(west - east) / stepX, (north - south) / stepY].map(
      (n) => Math.round(n) + 1,
    ) as [number, number];
    const nodes = whole(at + 10 * record);
    if (!(stepX > 0 && stepY > 0 && columns >= 2 && rows >= 2 && columns * rows === nodes))
      throw fail(
        at,
        `a grid of ${columns} x ${rows} nodes, ${nodes} of them`,
        '2 x 2 nodes or more, as many as it says',
      );
    const first = at + header;
    at = first + nodes * record;
    if (at > bytes.length) throw fail(first, `${bytes.length - first} bytes`, `${nodes} nodes of ${record}`);
    const shifts = new Float32Array(2 * nodes);
    for (let node = 0; node < nodes; node++) {
      shifts[2 * node] = view.getFloat32(first + node * record, isLittle) * seconds;
      shifts[2 * node + 1] = view.getFloat32(first + node * record + 4, isLittle) * seconds;
    }
    const [name, parent] = [text(first - header), text(first - header + record)];
    sheets.push({ name, parent, south, east, stepY, stepX, columns, rows, shifts, children: [] });
  }
  const tops = treeOf(sheets);
  const shift = (place: Place): Place => shifted(sheetAt(tops, place), place);
  return {
    from: text(5 * record),
    to: text(6 * record),
    radius: real(7 * record),
    uri,
    forward: shift,
    inverse: (place) => unshifted(shift, place),
  };
}

/** Hangs grids below those that they refine; gives the rest. One that names itself or nobody is a grid of its own. */
function treeOf(sheets: readonly Sheet[]): Sheet[] {
  const byName = new Map(sheets.map((sheet) => [sheet.name, sheet]));
  return sheets.filter((sheet) => {
    const parent = byName.get(sheet.parent);
    // A finer grid has smaller steps, so that none is below itself.
    if (!parent || !(sheet.stepX < parent.stepX && sheet.stepY < parent.stepY)) return true;
    parent.children.push(sheet);
    return false;
  });
}

/** The finest grid that has a place. */
function sheetAt(sheets: readonly Sheet[], place: Place): Sheet | undefined {
  const [x, y] = [-3600 * place.x, 3600 * place.y];
  for (const sheet of sheets) {
    const [column, row] = [(x - sheet.east) / sheet.stepX, (y - sheet.south) / sheet.stepY];
    const isWithin =
      column >= -hair && row >= -hair && column <= sheet.columns - 1 + hair && row <= sheet.rows - 1 + hair;
    if (isWithin) return sheetAt(sheet.children, place) ?? sheet;
  }
  return undefined;
}

function shifted(sheet: Sheet | undefined, { x: longitude, y: latitude }: Place): Place {
  if (!sheet) return nowhere;
  const { east, south, stepX, stepY, columns, rows, shifts } = sheet;
  const [x, y] = [(-3600 * longitude - east) / stepX, (3600 * latitude - south) / stepY];
  const column = Math.max(0, Math.min(columns - 2, Math.floor(x)));
  const row = Math.max(0, Math.min(rows - 2, Math.floor(y)));
  const [u, v] = [x - column, y - row];
  const at = 2 * (row * columns + column);
  const above = at + 2 * columns;
  const between = (k: number): number =>
    (1 - v) * ((1 - u) * shifts[at + k]! + u * shifts[at + 2 + k]!) +
    v * ((1 - u) * shifts[above + k]! + u * shifts[above + 2 + k]!);
  return { x: longitude - between(1) / 3600, y: latitude + between(0) / 3600 };
}

/** The place that is shifted to `place`, to some 1e-11 degrees. */
function unshifted(shift: (place: Place) => Place, place: Place): Place {
  let { x, y } = place;
  for (let i = 0; i < 20; i++) {
    const there = shift({ x, y });
    const [dx, dy] = [place.x - there.x, place.y - there.y];
    // At the edge of all grids the last step may lead beside them.
    if (!(Number.isFinite(dx) && Number.isFinite(dy))) return i === 0 ? nowhere : { x, y };
    x += dx;
    y += dy;
    if (Math.abs(dx) + Math.abs(dy) < 1e-12) break;
  }
  return { x, y };
}
