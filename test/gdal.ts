/** GDAL as a second opinion: runs Python with osgeo, where it is installed. */
import { spawnSync } from 'node:child_process';

const python = '/usr/bin/python3';

/** Why GDAL's Python cannot be used here; undefined where it can. Printed once, so that a skipped test says so. */
export const gdalMissing: string | undefined = (() => {
  const { status } = spawnSync(python, ['-c', 'import osgeo.gdal, numpy'], { stdio: 'ignore' });
  if (status === 0) return undefined;
  const reason = `skipped: ${python} has no osgeo (Debian: python3-gdal)`;
  console.warn(reason);
  return reason;
})();

/**
 * What a Python script prints as JSON; it finds `input` as `given`, and `gdal`, `osr` and `numpy as np` imported with exceptions on.
 * @throws Error with the script's standard error
 */
export function gdal<T>(script: string, input: unknown): T {
  const preamble = `import json, sys, numpy as np
from osgeo import gdal, osr
gdal.UseExceptions(); osr.UseExceptions()
given = json.load(sys.stdin)
`;
  const run = spawnSync(python, ['-c', preamble + script], {
    input: JSON.stringify(input),
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (run.status !== 0) throw new Error(`python: ${run.signal ?? run.stderr}`);
  return JSON.parse(run.stdout) as T;
}

/** Full check of GDAL's COG validator: its verdict on each file and whatever it complains of, as one text a file. */
export const validateCogs = (paths: readonly string[]): string[] =>
  gdal<string[]>(
    `import contextlib, io
from osgeo_utils.samples import validate_cloud_optimized_geotiff as validator
osr.DontUseExceptions(); gdal.DontUseExceptions()
out = []
for path in given:
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
        validator.main(['validate', '--full-check=yes', path])
    out.append(text.getvalue())
print(json.dumps(out))`,
    paths,
  );

/** The same of one file. */
export const validateCog = (path: string): string => validateCogs([path])[0]!;
