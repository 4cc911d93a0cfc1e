/** The published schemas of STAC and its extensions, of the shared data. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { shared } from './shared.ts';

/** Checks a value by the published schema of its kind and those of its extensions. */
export function schemaErrors(value: object, kind: 'item' | 'catalog' | 'collection'): string[] {
  const ajv = new Ajv({ strict: false, validateFormats: false });
  const schemas = join(shared()!, 'data/geospatial/schemas');
  for (const path of readdirSync(schemas, { recursive: true }) as string[])
    if (path.endsWith('.json') && !path.includes('example'))
      ajv.addSchema(
        // They are those of the last draft, and one of them misspells its own name.
        JSON.parse(
          readFileSync(join(schemas, path), 'utf8')
            .replaceAll('1.1.0-beta.1', '1.1.0')
            .replace('/commonjson', '/common.json'),
        ),
      );
  ajv.addSchema({ $id: 'https://geojson.org/schema/Feature.json', required: ['geometry', 'properties'] });
  for (const name of ['Geometry', 'projjson'])
    ajv.addSchema({
      $id:
        name === 'projjson'
          ? 'https://proj.org/schemas/v0.7/projjson.schema.json'
          : `https://geojson.org/schema/${name}.json`,
    });
  const own = (value as { stac_extensions?: string[] }).stac_extensions ?? [];
  const core = `https://schemas.stacspec.org/v1.1.0/${kind}-spec/json-schema/${kind}.json`;
  return [core, ...own].flatMap((id) => {
    const check = ajv.getSchema(`${id}#`) ?? ajv.getSchema(id);
    if (!check) return [`no schema ${id}`];
    return check(value) ? [] : check.errors!.map((e) => `${id} ${e.instancePath} ${e.message}`);
  });
}
