import { defineConfig } from 'vitest/config';

// The compiled tests run: worker threads need real modules, and what is tested is what ships.
export default defineConfig({
  test: {
    include: ['dist/test/**/*.test.js'],
    exclude: ['**/node_modules/**'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
  },
});
