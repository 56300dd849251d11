import { defineConfig } from 'rolldown';

/*
 * What ships is one module in `core`, and a few that load when first needed: Node takes 0.4 ms for each file that it imports, and there
 * are two hundred in src/. No comments and white space, for all that is imported is read to its end; names stay, and the maps lead back
 * to src/.
 */
export default defineConfig({
  input: { index: 'src/index.ts', observe: 'src/observe.ts', testing: 'src/testing.ts' },
  platform: 'node',
  // What a syntax newer than the target needs is put in.
  external: /^(?:[a-z]|@(?!oxc-project\/))/,
  transform: { target: 'node20.19' },
  output: {
    dir: 'dist',
    format: 'esm',
    chunkFileNames: 'parts/[name].js',
    codeSplitting: { groups: [{ name: 'core', test: /src\/index\.ts$/ }] },
    sourcemap: true,
    minify: { compress: false, mangle: false, codegen: true },
  },
});
