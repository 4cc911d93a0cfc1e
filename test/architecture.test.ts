/** The arrows between folders, and that kernels do no I/O. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { root } from './root.ts';

/** What each folder may import besides itself, and the packages it may use. */
const layers: { readonly [folder: string]: { imports: readonly string[]; packages: readonly string[] } } = {
  core: { imports: [], packages: ['p-queue'] },
  genomics: { imports: ['core'], packages: ['@gmod/cram', 'hyparquet-writer'] },
  geospatial: {
    imports: ['core'],
    packages: [
      'delaunator',
      'flatbuffers',
      'geotiff',
      'geotiff-geokeys-to-proj4',
      'hyparquet-writer',
      'proj4',
      'robust-predicates',
      'zstddec',
      '@bokuweb/zstd-wasm',
    ],
  },
  datasets: { imports: ['core', 'genomics', 'geospatial'], packages: [] },
  infra: { imports: ['core'], packages: ['@aws-sdk/', 'aws-cdk-lib', 'constructs', 'fflate'] },
  pipelines: {
    imports: ['core', 'genomics', 'geospatial', 'datasets', 'infra'],
    packages: ['commander'],
  },
};
const pure = /^(node:(zlib|crypto)|delaunator|robust-predicates)$/;

const files = Object.keys(layers).flatMap((layer) =>
  (readdirSync(join(root, layer), { recursive: true }) as string[])
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(layer, name)),
);
const importsOf = (text: string): string[] =>
  [...text.matchAll(/^(?:import|export)(?: [^;'=]* from)? '([^']+)';|\bimport\('([^']+)'\)/gm)].map(
    (m) => m[1] ?? m[2]!,
  );

test('there is something to check', () => expect(files.length).toBeGreaterThan(60));

describe.each(files)('%s', (file) => {
  const text = readFileSync(join(root, file), 'utf8');
  const layer = file.split('/')[0]!;
  const { imports, packages } = layers[layer]!;

  test('keeps to its layer', () => {
    for (const name of importsOf(text)) {
      if (name.startsWith('.')) {
        expect(name, 'relative imports name a .ts file').toMatch(/\.ts$/);
        const target = relative(root, join(root, dirname(file), name)).split('/')[0]!;
        if (target !== layer) expect(imports, `${layer} may not import ${target}`).toContain(target);
      } else if (!name.startsWith('node:'))
        expect(
          packages.some((p) => name === p || name.startsWith(p)),
          `${layer} may not use ${name}`,
        ).toBe(true);
      if (file.includes('/kernels/') && !name.startsWith('.'))
        expect(name, 'a kernel does no I/O').toMatch(pure);
    }
  });
  test('opens with a sentence and is not long', () => {
    expect(text.replace(/^#!.*\n/, '')).toMatch(/^\/\*\*/);
    expect(text.split('\n').length).toBeLessThanOrEqual(400);
  });
});
