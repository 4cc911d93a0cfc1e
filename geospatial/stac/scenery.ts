/** Images as items: the bands of one scene, however many files they are, are one. */
import { bandsOf, type Image } from './image.ts';
import { extensions, type Fields, type Item, plainId, timeOf } from './item.ts';
import { segmentsOf } from './names.ts';
import { type NamedFile, namedFile, type Sensor, sensorOf, timeInName } from './sensors.ts';

/** A raster file: what its header says, and where it is, now and for who reads the catalogue. */
export type ImageFile = Image & {
  /** It promises to be a Cloud-Optimized GeoTIFF. */
  readonly isCloudOptimized: boolean;
  readonly uri: string;
  readonly href: string;
};

type Group = { readonly named: NamedFile; readonly files: (ImageFile & { readonly named: NamedFile })[] };

/**
 * An item a scene, or a file where `isApart`, in the order of their first files; names of items may come twice. The item lies where the file that covers
 * the most ground lies. Its time is that of the first of these that any of its files tells: the sensor's own fact, the name, tag 306, `given`.
 */
export function itemsOfImages(files: readonly ImageFile[], isApart: boolean, given: string): Item[] {
  const groups = new Map<string, Group>();
  for (const file of files) {
    const named = namedFile(file.uri);
    const whole = { folder: named.folder, scene: segmentsOf(file.uri).name.replace(/\.[^.]+$/, '') };
    const own = isApart || named.asset === undefined ? { ...named, ...whole } : named;
    let key = JSON.stringify([own.folder, own.scene, file.footprint.properties['proj:code'] ?? null]);
    // A name that comes again is another scene's.
    while (groups.get(key)?.files.some((other) => assetName(other.named) === assetName(own))) key += '+';
    const group = groups.get(key) ?? { named: own, files: [] };
    group.files.push({ ...file, named: own });
    groups.set(key, group);
  }
  return [...groups.values()].map((group) => itemOfGroup(group, given));
}

const assetName = ({ asset }: NamedFile): string => plainId(asset ?? 'data');

function itemOfGroup({ named, files }: Group, given: string): Item {
  const sensor = sensorOf(named.scene);
  const largest = files.reduce((most, file) => (file.area > most.area ? file : most));
  const first = (tell: (file: ImageFile) => string | undefined): string | undefined =>
    files.map(tell).find((time) => time !== undefined);
  const time =
    first(({ taken }) => taken) ??
    timeInName(named.scene) ??
    first(({ made }) => made) ??
    (given || undefined);
  const assets = Object.fromEntries(files.map((file) => [assetName(file.named), assetOf(file, sensor)]));
  const has = (prefix: string): boolean => JSON.stringify(assets).includes(`"${prefix}:`);
  return {
    id: named.scene,
    footprint: largest.footprint,
    time: timeOf(time),
    properties: propertiesOf(sensor),
    assets,
    extensions: [
      ...(has('raster') ? [extensions.raster] : []),
      ...(has('eo') ? [extensions.eo] : []),
      ...(sensor?.baseline === undefined ? [] : [extensions.processing]),
    ],
  };
}

function propertiesOf(sensor: Sensor | undefined): Fields {
  if (!sensor) return {};
  const { platform, constellation, instruments, baseline } = sensor;
  return {
    ...(platform === undefined ? {} : { platform }),
    constellation,
    instruments: [...instruments],
    ...(baseline === undefined ? {} : { 'processing:version': baseline }),
  };
}

function assetOf(file: ImageFile & { readonly named: NamedFile }, sensor: Sensor | undefined): Fields {
  const { href, isCloudOptimized, fields, named } = file;
  return {
    href,
    type: `image/tiff; application=geotiff${isCloudOptimized ? '; profile=cloud-optimized' : ''}`,
    roles: [named.band === 'TCI' ? 'visual' : 'data'],
    ...fields,
    bands: bandsOf(file, named.band, sensor),
  };
}
