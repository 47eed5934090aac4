/**
 * Generates all code that is made from .proto files. Safe to repeat: a step whose inputs have not changed is skipped.
 *
 *   packages/contracts/src/gen        from proto/, by `buf generate` (buf.gen.yaml)
 *   packages/contracts/descriptors    one descriptor set for each logical service, as the mesh takes them; charts/shop has a copy
 *   packages/envoy-api/src/gen        from Envoy's own protos
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const root = join(import.meta.dirname, '..');
const stamps = join(root, 'node_modules/.cache/weft');
const env = { ...process.env, PATH: `${join(root, 'node_modules/.bin')}${delimiter}${process.env.PATH ?? ''}` };

/** Runs `command`; ends this process with its exit code when it fails, after the command has said why. */
function run(command: string, args: readonly string[]): void {
  const { status, error } = spawnSync(command, args, { cwd: root, env, stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

/** Runs `make` unless it has run for the same content of `inputs` and all of `outputs` are there. */
function step(name: string, inputs: readonly string[], outputs: readonly string[], make: () => void): void {
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
  make();
  mkdirSync(stamps, { recursive: true });
  writeFileSync(stamp, digest);
}

step(
  'third-party',
  ['package-lock.json', 'scripts/*protos.ts', 'scripts/print-proto.ts', 'scripts/envoy-roots.ts'],
  ['third_party/proto/buf/validate/validate.proto', 'third_party/envoy/buf.yaml'],
  () => run('node', ['scripts/third-party-protos.ts']),
);
step(
  'envoy-api',
  ['third_party/envoy/**/*.proto', 'packages/envoy-api/buf.gen.yaml'],
  ['packages/envoy-api/src/gen'],
  () => run('buf', ['generate', 'third_party/envoy', '--template', 'packages/envoy-api/buf.gen.yaml']),
);
step(
  'contracts',
  [
    'proto/**/*.proto',
    'third_party/proto/**/*.proto',
    'buf.yaml',
    'buf.gen.yaml',
    'packages/contracts/src/gen/**/*.ts',
  ],
  ['packages/contracts/src/gen'],
  () => run('buf', ['generate']),
);
step('lint', ['proto/**/*.proto', 'packages/compiler/src/contracts/*.ts'], [], () =>
  run('node', ['scripts/lint-contracts.ts']),
);
step(
  'descriptors',
  ['proto/**/*.proto', 'third_party/proto/**/*.proto', 'buf.yaml'],
  ['packages/contracts/descriptors', 'charts/shop/contracts'],
  () => {
    const out = join(root, 'packages/contracts/descriptors');
    rmSync(out, { recursive: true, force: true });
    mkdirSync(out, { recursive: true });
    for (const directory of globSync('proto/shop/*', { cwd: root })) {
      if (
        !globSync(`${directory}/**/*.proto`, { cwd: root }).some((file) =>
          /^service /m.test(readFileSync(join(root, file), 'utf8')),
        )
      )
        continue;
      const logicalName = directory.replace(/^proto\//, '').replaceAll('/', '.');
      run('buf', [
        'build',
        '--path',
        directory,
        '--as-file-descriptor-set',
        '--exclude-source-info',
        '-o',
        join(out, `${logicalName}.binpb`),
      ]);
    }
    // Helm reads no file outside of its chart.
    const inChart = join(root, 'charts/shop/contracts');
    rmSync(inChart, { recursive: true, force: true });
    cpSync(out, inChart, { recursive: true });
  },
);
