/** The LAZ kernel: chunks of points to columns and back, a chunk a call, in one memory. */
import { aim, column, input, output, setUp } from './columns.ts';
import { decodeLayered, decodeSequential } from './decode.ts';
import { encodeChunk } from './encode.ts';
import { startLayers } from './layers.ts';
import { gatherPoints, sortPoints } from './order.ts';
import { packParcelTo, unpackParcelFrom } from './parcel.ts';
import { reclassChunk } from './reclass.ts';
import { packRecords, promoteAngles, unpackRecords } from './records.ts';
import { encodeTable } from './table.ts';

// What is exported straight from a file that is named with its ending is not found by the compiler.
export { aim, column, setUp, decodeLayered, decodeSequential, encodeTable, promoteAngles, sortPoints, gatherPoints };

/** To be called once, before anything. */
export function start(): void { startLayers(); }

/** Records that were laid at the input. */
export function unpack(pdrf: u32, length: u32, count: u32, isPlace: bool): void {
  unpackRecords(pdrf, length, count, input, isPlace);
}
/** Chunk, or records, to the output behind `at` bytes of it. */
export function encode(pdrf: u32, count: u32, at: u32): u32 { return encodeChunk(pdrf, count, output + at); }
export function pack(pdrf: u32, count: u32, at: u32): u32 { return packRecords(pdrf, count, output + at); }
/** Points between two stages, to the output behind `at` bytes of it, and from the input. */
export function packParcel(pdrf: u32, count: u32, at: u32): u32 { return packParcelTo(pdrf, count, output + at); }
export function unpackParcel(pdrf: u32, count: u32): u32 { return unpackParcelFrom(pdrf, count, input); }
/** The chunk at the input with the classes that are aimed at. */
export function reclass(pdrf: u32, bytes: u32, count: u32, at: u32): u32 { return reclassChunk(pdrf, bytes, count, output + at); }
