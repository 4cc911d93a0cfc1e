/** TIFF files made in memory, of one strip, for tests that need to know what headers say. */
import {
  asciiValues,
  directoryLength,
  encodeDirectory,
  encodeHeader,
  type Field,
} from '../geospatial/formats/tiff.ts';
import { type Cells, typeOfCells } from '../geospatial/kernels/pyramid.ts';

export type TiffShape = {
  readonly width: number;
  readonly height: number;
  /** Bands side by side in each place. */
  readonly cells: Cells;
  readonly bands?: number;
  readonly photometric?: number;
  /** West, north, cell. */
  readonly grid?: readonly [number, number, number];
  /** As tag 34264 has it: 16 numbers. */
  readonly matrix?: readonly number[];
  /** Of a projected CRS, or with `isGeographic` a geographic one. */
  readonly epsg?: number;
  readonly isGeographic?: boolean;
  readonly datetime?: string;
  readonly metadata?: string;
  readonly nodata?: string;
};

/** A GeoTIFF. */
export function tiffFile(shape: TiffShape): Uint8Array {
  const { width, height, cells, bands = 1, photometric = 1, grid, matrix, epsg, isGeographic } = shape;
  const type = typeOfCells(cells);
  const format = type.startsWith('Float') ? 3 : type.startsWith('Int') ? 2 : 1;
  const same = (value: number): number[] => Array.from({ length: bands }, () => value);
  const texts = ([tag, text]: [number, string | undefined]): Field[] =>
    text === undefined ? [] : [{ tag, type: 'ascii', values: asciiValues(text) }];
  const keys = [
    1,
    1,
    0,
    3,
    1024,
    0,
    1,
    isGeographic ? 2 : 1,
    1025,
    0,
    1,
    1,
    isGeographic ? 2048 : 3072,
    0,
    1,
  ];
  const fieldsAt = (at: number): Field[] => [
    { tag: 256, type: 'long', values: [width] },
    { tag: 257, type: 'long', values: [height] },
    { tag: 258, type: 'short', values: same(cells.BYTES_PER_ELEMENT * 8) },
    { tag: 259, type: 'short', values: [1] },
    { tag: 262, type: 'short', values: [photometric] },
    { tag: 273, type: 'long', values: [at] },
    { tag: 277, type: 'short', values: [bands] },
    { tag: 278, type: 'long', values: [height] },
    { tag: 279, type: 'long', values: [cells.byteLength] },
    ...texts([306, shape.datetime]),
    { tag: 339, type: 'short', values: same(format) },
    ...(grid
      ? ([
          { tag: 33_550, type: 'double', values: [grid[2], grid[2], 0] },
          { tag: 33_922, type: 'double', values: [0, 0, 0, grid[0], grid[1], 0] },
        ] as const)
      : []),
    ...(matrix ? ([{ tag: 34_264, type: 'double', values: matrix }] as const) : []),
    ...(epsg === undefined ? [] : ([{ tag: 34_735, type: 'short', values: [...keys, epsg] }] as const)),
    ...texts([42_112, shape.metadata]),
    ...texts([42_113, shape.nodata]),
  ];
  const start = 8 + directoryLength(fieldsAt(0), false);
  const directory = encodeDirectory(fieldsAt(start), 8, 0, false);
  return Buffer.concat([
    encodeHeader(8, false),
    directory,
    new Uint8Array(cells.buffer, cells.byteOffset, cells.byteLength),
  ]);
}
