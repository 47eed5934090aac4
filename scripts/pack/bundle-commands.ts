import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { build, type Plugin } from 'esbuild';

const folder = 'bundle';
/** Found where they are installed, with the programs that they bring. */
const external = ['@weft/dev-envoy', '@weft/dev-postgres'];

/**
 * Bundles what the commands in bin/ of the package at `home` import, since reading hundreds of files is most of what a short command
 * costs. Each command of weft is a chunk, loaded when it is given. Returns the folder in `out` that has the chunks.
 */
export async function bundleCommands(home: string, out: string): Promise<string> {
  const commands = globSync('bin/*.js', { cwd: out }).map((file) => ({
    file,
    text: readFileSync(join(out, file), 'utf8'),
  }));
  const names = new Set(
    commands.flatMap(({ text }) => [...text.matchAll(/'\.\.\/dist\/([^']+)\.js'/g)].map(([, name = '']) => name)),
  );
  await build({
    entryPoints: [...names].map((name) => ({ in: join(home, 'src', `${name}.ts`), out: name.replaceAll('/', '-') })),
    outdir: join(out, folder),
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node22',
    sourcemap: true,
    legalComments: 'linked',
    external,
    chunkNames: 'chunk-[hash]',
    // CommonJS modules inside of the bundle ask for Node's modules by `require`.
    banner: {
      js: "import { createRequire as _createRequire } from 'node:module';\nconst require = _createRequire(import.meta.url);",
    },
    plugins: [ownAddresses(join(home, 'src'))],
    logLevel: 'error',
  });
  for (const { file, text } of commands) {
    const bundled = text.replace(
      /'\.\.\/dist\/([^']+)\.js'/g,
      (_, name: string) => `'../${folder}/${name.replaceAll('/', '-')}.js'`,
    );
    writeFileSync(join(out, file), bundled, { mode: 0o755 });
  }
  return folder;
}

/** A source that looks for a file beside itself finds it where dist/ has that source, not where the chunk is. */
function ownAddresses(source: string): Plugin {
  return {
    name: 'own-addresses',
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const text = readFileSync(path, 'utf8');
        if (!path.startsWith(source) || !text.includes('import.meta')) return undefined;
        const built = `../dist/${relative(source, path).replace(/\.ts$/, '.js')}`;
        const url = `new URL(${JSON.stringify(built)}, import.meta.url)`;
        const contents = text
          .replaceAll('import.meta.url', `${url}.href`)
          .replaceAll(
            'import.meta.dirname',
            `decodeURIComponent(new URL(${JSON.stringify(`${dirname(built)}`)}, import.meta.url).pathname)`,
          );
        return { contents, loader: 'ts' };
      });
    },
  };
}
