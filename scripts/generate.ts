/**
 * Generates all code that is made from .proto files. Safe to repeat: a step whose inputs have not changed is skipped.
 *
 *   packages/{policy,api}/proto      Weft's own .proto files with all that they and contracts import
 *   packages/{policy,api}/src/gen    their code, by `buf generate` (buf.gen.yaml)
 *   packages/envoy-api/src/gen       from Envoy's own protos
 *   packages/test-contracts          code and descriptor sets of the example that the packages' tests use
 *   contracts/*                      the shop's contract packages, as `weft generate` makes them; charts/shop has a copy of their descriptors
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, delimiter, join } from 'node:path';

const root = join(import.meta.dirname, '..');
const stamps = join(root, 'node_modules/.cache/weft');
const env = { ...process.env, PATH: `${join(root, 'node_modules/.bin')}${delimiter}${process.env.PATH ?? ''}` };

/** Runs `command`; ends this process with its exit code when it fails, after the command has said why. */
async function run(command: string, args: readonly string[]): Promise<void> {
  const [status] = await once(spawn(command, args, { cwd: root, env, stdio: 'inherit' }), 'exit');
  if (status !== 0) process.exit(status ?? 1);
}

/** Runs `make` unless it has run for the same content of `inputs` and all of `outputs` are there. */
async function step(
  name: string,
  inputs: readonly string[],
  outputs: readonly string[],
  make: () => void | Promise<void>,
): Promise<void> {
  const hash = createHash('sha256');
  for (const pattern of inputs) {
    for (const file of globSync(pattern, { cwd: root }).sort())
      hash.update(file).update(readFileSync(join(root, file)));
  }
  const digest = hash.digest('hex');
  const stamp = join(stamps, `${name}.sha256`);
  const done = existsSync(stamp) && readFileSync(stamp, 'utf8') === digest;
  if (done && outputs.every((output) => existsSync(join(root, output)))) return;
  console.log(`generate: ${name}`);
  await make();
  mkdirSync(stamps, { recursive: true });
  writeFileSync(stamp, digest);
}

await step(
  'third-party',
  [
    'package-lock.json',
    'scripts/*protos.ts',
    'scripts/print-proto.ts',
    'scripts/envoy-roots.ts',
    'proto/weft/**/*.proto',
  ],
  ['packages/policy/proto', 'packages/api/proto', 'third_party/envoy/buf.yaml'],
  () => run('node', ['scripts/third-party-protos.ts']),
);
// Takes longest, and no other step needs it.
const envoyApi = step(
  'envoy-api',
  ['third_party/envoy/**/*.proto', 'packages/envoy-api/buf.gen.yaml'],
  ['packages/envoy-api/src/gen'],
  () => run('buf', ['generate', 'third_party/envoy', '--template', 'packages/envoy-api/buf.gen.yaml']),
);
// What the shop's contracts are made with needs this code itself.
await step(
  'packages',
  ['packages/{policy,api}/proto/**/*.proto', 'scripts/protoc-gen-packages.ts', 'package-lock.json'],
  ['packages/policy/src/gen', 'packages/api/src/gen'],
  () => run('buf', ['generate']),
);
await step(
  'test-contracts',
  ['packages/test-contracts/{proto/**/*.proto,buf.gen.yaml}', 'packages/policy/proto/**/*.proto', 'package-lock.json'],
  ['packages/test-contracts/src/gen', 'packages/test-contracts/descriptors'],
  async () => {
    const proto = 'packages/test-contracts/proto';
    // A configuration of its own: these are no contracts of this repository, and neither linted nor published.
    const modules = [proto, 'packages/policy/proto'].map((path) => ({ path }));
    const config = ['--config', JSON.stringify({ version: 'v2', modules })];
    await run('buf', [
      'generate',
      ...config,
      '--template',
      'packages/test-contracts/buf.gen.yaml',
      '--path',
      `${proto}/bakery`,
    ]);
    const out = 'packages/test-contracts/descriptors';
    rmSync(join(root, out), { recursive: true, force: true });
    mkdirSync(join(root, out));
    const build = ['build', ...config, '--as-file-descriptor-set'];
    await run('buf', [...build, '--path', `${proto}/bakery`, '-o', `${out}/bakery.binpb`]);
    for (const directory of globSync(`${proto}/bakery/*`, { cwd: root })) {
      const file = `${out}/bakery.${basename(directory)}.binpb`;
      await run('buf', [...build, '--exclude-source-info', '--path', directory, '-o', file]);
    }
  },
);
// The shop's contracts are made as those of any project.
const { generate } = await import('../packages/cli/src/generate/generate.ts');
const { problemLine } = await import('../packages/cli/src/generate/proto-problem.ts');
const { findProject } = await import('../packages/cli/src/project.ts');
const { contracts, problems, findings } = await generate(findProject(root), (line) => console.log(`generate: ${line}`));
for (const problem of [...problems, ...findings]) console.error(problemLine(problem, root));
if (problems.length + findings.length > 0) process.exit(1);
await step('lint', ['proto/**/*.proto', 'packages/compiler/src/contracts/*.ts'], [], () =>
  run('node', ['scripts/lint-contracts.ts']),
);
await step('charts', ['contracts/*/descriptor.binpb'], ['charts/shop/contracts'], () => {
  // Helm reads no file outside of its chart.
  const inChart = join(root, 'charts/shop/contracts');
  rmSync(inChart, { recursive: true, force: true });
  mkdirSync(inChart, { recursive: true });
  const runs = new Set(globSync('services/*/weft.yaml', { cwd: root }).map((file) => file.split('/')[1]));
  for (const { directory, logicalName, descriptorFile } of contracts) {
    if (runs.has(basename(directory))) cpSync(descriptorFile, join(inChart, `${logicalName}.binpb`));
  }
});
await envoyApi;
