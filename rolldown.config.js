/**
 * What is loaded at run time: by the command line and its workers (dist/bin), and by a function (dist/lambda). A chunk a layer: a start then reads four files
 * instead of forty, which is a fifth of its time.
 */

/** Modules of a chunk, with all that they import and no group before them has. */
const chunk = (name, test) => ({ name, test });
const ranked = (groups) => groups.map((group, i) => ({ ...group, priority: groups.length - i }));

// The order matters: what several import goes to the first one. Workers load the first and that of their job.
const base = chunk('base', /\/(pipelines\/(worker|catalog|storage)|core\/(params|partition|version))\./);
const command = chunk('command', /\/pipelines\/(arguments|session|commands\/(run|plan))\./);
// What both domains import of core, or one would load the other for it.
const core = chunk(
  'core',
  /\/core\/(job|codec|tables|json|ahead|deflate|inflate|sources\/(head|readahead|held))\./,
);
const genomics = chunk('genomics', /\/genomics\//);
const geospatial = chunk('geospatial', /\/geospatial\//);

// Looks for its WebAssembly beside itself, and so stays a package of its own; it is copied to where functions find it.
const withWasm = '@bokuweb/zstd-wasm';

const shared = { platform: 'node', logLevel: 'warn' };
const output = { format: 'esm', minify: { compress: true, mangle: false, codegen: true } };

export default [
  {
    ...shared,
    input: ['pipelines/main.ts', 'pipelines/worker.ts', 'pipelines/demo.ts'],
    // Found in node_modules by who needs them.
    external: ['fflate', 'geotiff', 'hyparquet-writer', withWasm, /^@aws-sdk\//, /^@gmod\//],
    output: {
      ...output,
      dir: 'dist/bin',
      chunkFileNames: '[name].js',
      codeSplitting: { groups: ranked([base, command, core, genomics, geospatial]) },
    },
  },
  {
    ...shared,
    input: { index: 'pipelines/function.ts' },
    external: [withWasm],
    output: {
      ...output,
      minify: true,
      dir: 'dist/lambda',
      entryFileNames: '[name].mjs',
      chunkFileNames: '[name].mjs',
      codeSplitting: { groups: ranked([base, core, genomics, geospatial]) },
    },
  },
];
