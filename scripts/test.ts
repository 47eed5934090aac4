/**
 * Everything that guards main: generated code, style, contracts, types, unit tests, then tests through the running mesh.
 * Each check counts as one test. The last line is `N passed, N failed`; what failed is named once more before it.
 *
 *   node scripts/test.ts         all of it
 *   node scripts/test.ts lint    without the tests
 *   node scripts/test.ts unit    without the tests through the running mesh
 *   node scripts/test.ts published only those of the published packages that take longer than the others may
 *   node scripts/test.ts cluster only the tests in the Kubernetes cluster of the current context
 */
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { readTapLine, type TapCount } from './tap.ts';

const root = join(import.meta.dirname, '..');
const env = { ...process.env, PATH: `${join(root, 'node_modules/.bin')}${delimiter}${process.env.PATH ?? ''}` };
const count: TapCount = { passed: 0, failed: [], skipped: 0 };
const kind = process.argv[2] ?? 'all';
let underWay = 'Checks';
let stopMesh: (() => Promise<void>) | undefined;

/** Whether a command has ended well, and all that it wrote. */
interface Outcome {
  readonly ok: boolean;
  readonly output: string;
}

/** Runs a command; its exit code decides. */
function run(command: string, ...args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(command, args, { cwd: root, env, maxBuffer: 1 << 28 }, (error, stdout, stderr) => {
      const told = `${stdout}${stderr}`;
      resolve({ ok: error === null, output: error !== null && told === '' ? error.message : told });
    });
  });
}

/** One check, shown with its output when it fails. */
function check(name: string, { ok, output }: Outcome): void {
  if (ok) count.passed++;
  else count.failed.push(name);
  console.log(`  ${ok ? '✓' : '✗'} ${name}`);
  if (!ok) console.log(output.trim().replace(/^/gm, '      '));
}

function skip(name: string, reason: string): void {
  count.skipped++;
  console.log(`  - ${name} (skip: ${reason})`);
}

/** A run of ava, shown test by test. */
async function ava(title: string, ...args: readonly string[]): Promise<void> {
  await avaAt(console.log, title, args);
}

/** `ava`, with the lines given to `show`, and more environment. */
async function avaAt(
  show: (line: string) => void,
  title: string,
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<void> {
  show(`\n${title}`);
  underWay = title;
  const began = performance.now();
  const own: TapCount = { passed: 0, failed: [], skipped: 0 };
  const child = spawn('ava', ['--tap', ...args], {
    cwd: root,
    env: { ...env, ...more },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? 1)));
  for await (const line of createInterface({ input: child.stdout })) {
    const shown = readTapLine(line, own);
    if (shown !== undefined) show(shown);
  }
  const code = await ended;
  // A file that crashed, or none that was found, is no failed test to ava.
  const silent =
    code !== 0 && own.failed.length === 0
      ? `ava ended with exit code ${code}`
      : code === 0 && own.passed + own.skipped === 0 && 'no test has run';
  if (silent) {
    own.failed.push(title);
    show(`  ✗ ${title}\n      ${silent}`);
  }
  show(`  ${Math.round((performance.now() - began) / 1_000)} s`);
  count.passed += own.passed;
  count.skipped += own.skipped;
  count.failed.push(...own.failed);
}

function digestOf(pattern: string): string {
  const hash = createHash('sha256');
  for (const file of globSync(pattern, { cwd: root }).sort()) hash.update(file).update(readFileSync(join(root, file)));
  return hash.digest('hex');
}

async function checkGeneratedCode(): Promise<void> {
  const generated = 'contracts/*/package.json';
  const before = digestOf(generated);
  const made = await run('node', 'scripts/generate.ts');
  check('code can be generated', made);
  const fresh = digestOf(generated) === before;
  check('contract packages are what proto/ says', {
    ok: made.ok && fresh,
    output: 'They were stale and have been made anew; commit contracts/*/package.json.',
  });
}

/** Names what is not pinned. It fails nothing: digests can be looked up only where a registry can be reached. */
async function checkImages(): Promise<void> {
  const name = 'images of others are named by digest';
  const { ok, output } = await run('node', 'scripts/pin-images.ts', '--check');
  if (ok) check(name, { ok, output });
  else
    skip(
      name,
      `by tag alone: ${output
        .trim()
        .split('\n')
        .map((line) => line.split(': ')[0])
        .join(', ')}; \`node scripts/pin-images.ts\` pins them`,
    );
}

/** Compares with main as it was published. */
async function checkBreaking(): Promise<void> {
  const name = 'contracts break nothing that main has';
  const main = await otherMain();
  if (main === undefined) {
    skip(name, 'this repository has no other main to compare with');
  } else if (!(await run('git', 'cat-file', '-e', `${main}:buf.yaml`)).ok) {
    skip(name, `${main} has no contracts yet`);
  } else {
    check(name, await breaking(main));
  }
}

async function otherMain(): Promise<string | undefined> {
  const head = (await run('git', 'rev-parse', '--abbrev-ref', 'HEAD')).output.trim();
  for (const ref of ['origin/main', 'main']) {
    if (ref === 'main' && head === 'main') continue;
    if ((await run('git', 'rev-parse', '--verify', '--quiet', `${ref}^{commit}`)).ok) return ref;
  }
  return undefined;
}

/** What contracts import is not in git, so the published ones are laid out as ours are. */
async function breaking(main: string): Promise<Outcome> {
  const copy = mkdtempSync(join(tmpdir(), 'weft-main-'));
  try {
    const tar = join(copy, 'main.tar');
    const archived = await run('git', 'archive', '--output', tar, main, 'proto');
    const unpacked = archived.ok ? await run('tar', '-xf', tar, '-C', copy) : archived;
    if (!unpacked.ok) return unpacked;
    for (const path of ['buf.yaml', 'packages/policy/proto', 'packages/api/proto'])
      cpSync(join(root, path), join(copy, path), { recursive: true });
    return await run('buf', 'breaking', '--against', copy);
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** The kit's server and client against the reference of gRPC, gRPC-Web and Connect; needs Go. */
async function checkConformance(): Promise<void> {
  for (const [mode, name] of [
    ['server', 'gRPC, gRPC-Web and Connect (connectconformance)'],
    ['client', 'gRPC of the client (connectconformance)'],
  ] as const) {
    const result = await run('npm', 'run', '--silent', 'conformance', '--workspace', '@weft/service-kit', '--', mode);
    const skipped = /^conformance: skipped: (.*)$/m.exec(result.output)?.[1];
    if (skipped === undefined) check(name, result);
    else skip(name, skipped);
  }
}

/**
 * The tests in a cluster, in their order: those that want an empty one, those that share an installation (the longest last, so that
 * the others have told by then what they know), and the one that takes it out.
 */
const clusterTests = [
  ...['cdk8s', 'install', 'manifests'],
  ...['refusals', 'workloads', 'stateful-set', 'outbound', 'hostile-namespace', 'restricted', 'package', 'first-calls'],
  ...['scale', 'rolling-update', 'mesh-update', 'control-plane-away', 'large-mesh', 'root-rotation'],
  'uninstall',
];

async function testCluster(): Promise<void> {
  const config = 'ava.cluster.config.js';
  const left = globSync('*.test.ts', { cwd: join(root, 'tests/cluster') }).filter(
    (file) => !clusterTests.includes(file.replace(/\.test\.ts$/, '')),
  );
  if (left.length > 0)
    check('every test in a cluster has its place', { ok: false, output: `not in scripts/test.ts: ${left.join()}` });
  for (const name of clusterTests) {
    await ava(`In a cluster: ${name}`, '--config', config, '--serial', `tests/cluster/${name}.test.ts`);
  }
  // Where there is no cluster each of them is skipped, and that is not what was asked for.
  if (count.passed + count.failed.length === 0) check('tests in a cluster', { ok: false, output: 'no test has run' });
}

/**
 * Tests through the running mesh of the shop that share one: each file finds it as it was started (tests/shared-mesh.ts). Those that take
 * something away are last.
 */
const sharing = [
  ...['e2e/order', 'e2e/identity', 'e2e/override', 'e2e/hostile-input', 'e2e/idempotency', 'e2e/broken-input'],
  ...['fuzz/fuzz', 'e2e/replicas', 'e2e/database-away', 'e2e/control-plane-away'],
].map((name) => `tests/${name}.test.ts`);

/** They wait more than they compute, so the files that share a mesh run beside those that start their own, one of each at a time. */
async function testThroughMesh(): Promise<void> {
  const config = ['--config', 'ava.e2e.config.js', '--serial'];
  const own = globSync('tests/{e2e,fuzz}/**/*.test.ts', { cwd: root }).filter((file) => !sharing.includes(file));
  const { shareMesh } = await import('../tests/shared-mesh.ts');
  const mesh = await shareMesh().catch((error: unknown) => {
    check('the mesh that tests share starts', { ok: false, output: String(error) });
    // Then each file tries to start its own.
    return { env: {}, stop: async () => {} };
  });
  stopMesh = mesh.stop;
  try {
    const kept: string[] = [];
    let show = (line: string): void => void kept.push(line);
    const beside = avaAt((line) => show(line), 'Tests of meshes of their own', [...config, ...own]);
    await avaAt(console.log, 'Tests through the running mesh', [...config, ...sharing], mesh.env);
    for (const line of kept) console.log(line);
    show = console.log;
    await beside;
  } finally {
    await mesh.stop();
  }
}

async function testAll(): Promise<void> {
  console.log('Checks');
  await checkGeneratedCode();
  // At once: some of them use one core, and each waits for files.
  const checks = [
    { name: 'style (biome)', outcome: run('biome', 'check', '.') },
    { name: 'no floating promises (oxlint)', outcome: run('oxlint') },
    { name: 'contracts: style and policy (buf lint)', outcome: run('buf', 'lint') },
    {
      name: 'contracts: policy and the calls that they permit (weft lint --mesh)',
      outcome: run('weft', 'lint', '--mesh'),
    },
    { name: 'types (tsc)', outcome: run('tsc', '-p', 'tsconfig.json') },
  ];
  for (const { name, outcome } of checks) check(name, await outcome);
  await checkBreaking();
  await checkImages();
  if (kind !== 'lint') {
    await ava('Unit tests');
    await checkConformance();
  }
  if (kind === 'all') await testThroughMesh();
}

/** Tells what there is to tell, and how it ended. */
function close(): void {
  if (count.skipped > 0) console.log(`\n${count.skipped} skipped`);
  if (count.failed.length > 0) console.log('\nFailed:');
  for (const name of count.failed) console.log(`  ✗ ${name}`);
  console.log(`\n${count.passed} passed, ${count.failed.length} failed`);
  process.exitCode = count.failed.length > 0 ? 1 : 0;
}

// Whoever runs this may have an end to its patience. What has been seen until then is told, and that it is not all.
process.once('SIGTERM', async () => {
  check(`${underWay}: stopped before its end`, { ok: false, output: 'SIGTERM' });
  close();
  await stopMesh?.();
  process.exit();
});

if (kind === 'cluster') await testCluster();
else if (kind === 'published') await ava('Published packages', '--config', 'ava.published.config.js', '--serial');
else await testAll();
close();
