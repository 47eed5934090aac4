/**
 * Builds the descriptor sets of the golden meshes from protos/ and puts them where the cases want them. To be run after a change
 * to protos/: `node packages/compiler/goldens/build-contracts.ts`; then UPDATE_GOLDENS=1 for the outputs.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, relative } from 'node:path';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';

const goldens = import.meta.dirname;
const root = join(goldens, '../../..');
const out = mkdtempSync(join(tmpdir(), 'weft-goldens-'));

/** Cases about pods: all with both contracts. */
const pods = [
  'pod-redirected',
  'pod-not-redirected',
  'pod-several-ports',
  'pod-tcp',
  'pod-headless',
  'pod-external',
  'pod-outbound-denied',
  'pod-permissive',
  'pod-two-address-families',
];

/** Which cases have which contract in which namespace. */
const contracts: readonly (readonly [edition: string, name: string, namespace: string, cases: readonly string[]])[] = [
  [
    'now',
    'bread',
    'bakery',
    [
      'one-service',
      'caller-and-callee',
      'streams',
      'rest-at-edge',
      'rest-at-once',
      'rest-owners',
      'sockets-and-tcp',
      'broken-contract',
      'versions-old',
      'versions-both',
      'versions-rolled-back',
      'foreign-namespace',
      'going-away',
      'tracing',
      'denied',
      'asked-by-header',
      'shared-account',
      ...pods,
    ],
  ],
  [
    'now',
    'oven',
    'bakery',
    [
      'caller-and-callee',
      'denied',
      'sockets-and-tcp',
      'foreign-namespace',
      'going-away',
      'tracing',
      'asked-by-header',
      'shared-account',
      ...pods,
    ],
  ],
  ['next', 'bread', 'bakery', ['versions-both', 'versions-new', 'versions-rolled-back']],
  ['broken', 'oven', 'bakery', ['broken-contract']],
  ['tenant', 'menu', 'cafe', ['rest-at-once', 'rest-owners']],
  ['hostile', 'oven', 'thieves', ['foreign-namespace']],
];

for (const [edition, name, namespace, cases] of contracts) {
  const protos = relative(root, join(goldens, 'protos', edition));
  const modules = ['packages/policy/proto', protos].map((path) => ({ path }));
  const file = join(out, `${edition}.${name}.binpb`);
  const path = [process.env.PATH, join(root, 'node_modules/.bin')].join(delimiter);
  const { status } = spawnSync(
    'buf',
    [
      'build',
      ...['--config', JSON.stringify({ version: 'v2', modules })],
      ...['--path', `${protos}/bakery/${name}`],
      ...['--as-file-descriptor-set', '--exclude-source-info', '-o', file],
    ],
    { cwd: root, stdio: 'inherit', env: { ...process.env, PATH: path } },
  );
  if (status !== 0) process.exit(status ?? 1);
  for (const golden of cases) {
    const directory = join(goldens, golden, 'contracts', namespace);
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, `bakery.${name}.${edition}.binpb`), withoutOptionFiles(readFileSync(file)));
  }
}

/** Nine tenths of a set are the definitions of options, which whoever reads them must know anyway. */
function withoutOptionFiles(bytes: Uint8Array): Uint8Array {
  const set = fromBinary(FileDescriptorSetSchema, bytes);
  set.file = set.file.filter(({ name }) => name.startsWith('bakery/'));
  for (const file of set.file) file.dependency = file.dependency.filter((name) => name.startsWith('bakery/'));
  return toBinary(FileDescriptorSetSchema, set);
}
rmSync(out, { recursive: true });
