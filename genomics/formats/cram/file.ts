/** Opens CRAM 2.1 to 3.1 (CRAM spec), and reads its header. */
import type { CramFile } from '@gmod/cram';
import { BadInput } from '../../../core/errors.ts';
import type { Source } from '../../../core/job.ts';
import type { Header } from '../bam.ts';
import { contigsOf } from '../samheader.ts';

/** Bytes of the file's definition. */
export const definitionSize = 26;

/** Errors of the library say what is wrong, not where. */
export async function within<T>(name: string, place: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof BadInput) throw error;
    const why = (error as Error).message.split('\n')[0];
    throw new BadInput(
      `CRAM: ${place} of ${name} cannot be read: ${why}; the file is damaged, copy it again`,
    );
  }
}

export async function openCram(source: Source): Promise<CramFile> {
  const { CramFile: Opened } = await import('@gmod/cram');
  const filehandle = {
    read: (length: number, position: number) =>
      source.read(Math.min(position, source.size), Math.min(position + length, source.size)),
    stat: async () => ({ size: source.size }),
    readFile: () => source.read(0, source.size),
    close: async () => {},
  };
  // A slice is read once.
  return new Opened({ filehandle: filehandle as never, checkSequenceMD5: false, cacheSize: 1 });
}

/** Reads the header. @throws BadInput where it is damaged, or of a version that is not read */
export async function readCramHeader(source: Source, name: string): Promise<Header> {
  const file = await openCram(source);
  const { majorVersion, minorVersion } = await within(name, 'the definition', () => file.getDefinition());
  if (majorVersion < 2 || majorVersion > 3)
    throw new BadInput(
      `CRAM: ${name} is of version ${majorVersion}.${minorVersion}, expected 2.1 to 3.1; convert it with samtools view -b`,
    );
  const text = (await within(name, 'the header', () => file.getHeaderText())) ?? '';
  return { text, contigs: contigsOf(text.replace(/\0+$/, ''), name), first: [definitionSize, 0] };
}
