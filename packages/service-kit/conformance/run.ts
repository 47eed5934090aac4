/**
 * Runs connectconformance against the kit's server, in all protocols, and against its client, in gRPC: `npm run conformance`, arguments
 * are passed on. "server" or "client" as the first one runs that half alone.
 * Needs Go, for the tool and its protos; says "skipped" and exits with 0 without it. $CONNECTCONFORMANCE names a tool that is there already.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const moduleVersion = 'connectrpc.com/conformance@v1.0.5';
const here = import.meta.dirname;
const cache = join(here, '.cache');
const rootBin = join(here, '../../../node_modules/.bin');
const env = {
  ...process.env,
  PATH: `${rootBin}${delimiter}${process.env.PATH ?? ''}`,
  GOBIN: cache,
  // Each server is a process that loads the same.
  NODE_COMPILE_CACHE: join(cache, 'compiled'),
};

function skip(reason: string): never {
  console.log(`conformance: skipped: ${reason}`);
  process.exit(0);
}

/** What a command printed; undefined when it failed or is not there. */
function output(command: string, args: readonly string[]): string | undefined {
  const { status, stdout } = spawnSync(command, args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  return status === 0 ? stdout : undefined;
}

function tool(): string {
  const given = process.env.CONNECTCONFORMANCE;
  if (given) return given;
  const built = join(cache, 'connectconformance');
  if (!existsSync(built))
    output('go', ['install', moduleVersion.replace('conformance@', 'conformance/cmd/connectconformance@')]);
  return existsSync(built) ? built : skip('connectconformance could not be built');
}

function generate(): void {
  const downloaded = output('go', ['mod', 'download', '-json', moduleVersion]);
  if (downloaded === undefined) skip(`${moduleVersion} could not be downloaded`);
  const { Dir: directory }: { Dir: string } = JSON.parse(downloaded);
  // The same plugin and options as for the contracts, so that Node runs the result as it is.
  const template = join(cache, 'buf.gen.yaml');
  const plugin = `  - local: protoc-gen-es\n    out: ${join(cache, 'gen')}\n    opt: [target=ts, import_extension=ts, erasable_syntax=true]\n`;
  rmSync(join(cache, 'gen'), { recursive: true, force: true });
  writeFileSync(template, `version: v2\nplugins:\n${plugin}`);
  if (output('buf', ['generate', join(directory, 'proto'), '--template', template]) === undefined) process.exit(1);
}

mkdirSync(cache, { recursive: true });
if (output('go', ['version']) === undefined) skip('Go is not installed');
const command = tool();
if (!existsSync(join(cache, 'gen'))) generate();
const modes = ['server', 'client'];
const [first = '', ...rest] = process.argv.slice(2);
const isMode = modes.includes(first);
for (const mode of isMode ? [first] : modes) {
  const features = join(here, `${mode}-features.yaml`);
  const args = ['--mode', mode, '--conf', features, '--max-servers', '2', ...(isMode ? rest : process.argv.slice(2))];
  console.log(`conformance: the kit's ${mode}`);
  const { status } = spawnSync(command, [...args, '--', process.execPath, join(here, `${mode}.ts`)], {
    env,
    stdio: 'inherit',
  });
  if (status !== 0) process.exitCode = status ?? 1;
}
