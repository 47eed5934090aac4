import { readFile, writeFile } from 'node:fs/promises';
import { MethodOptions_IdempotencyLevel as Level } from '@bufbuild/protobuf/wkt';
import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { MeshDirectory } from '@weft/compiler/testing/mesh-directory';
import { tinyContract, tinyPath } from '@weft/compiler/testing/tiny-contract';
import { Code } from '@weft/policy/weft/policy/v1/policy';
import anyTest, { type TestFn } from 'ava';
import { freePorts } from './testing/free-ports.ts';
import {
  type Behaviour,
  behaviours,
  type RawApplication,
  startRawApplication,
  trailersOnly,
} from './testing/raw-application.ts';
import { RawCaller } from './testing/raw-call.ts';
import { type RunningMesh, runMesh } from './testing/running-mesh.ts';

// The table of docs/retries.md: one application that always fails in one way, and how often it sees one call.
// UPDATE_DOCS=1 writes the table anew; without it a table that is no longer true fails.

interface Context {
  readonly mesh: RunningMesh;
  readonly application: RawApplication;
  readonly caller: RawCaller;
}

const test = anyTest as TestFn<Context>;
const docs = new URL('../../../../docs/retries.md', import.meta.url);
const retry = { codes: [Code.UNAVAILABLE], maxRetries: 2, baseBackoff: { nanos: 1_000_000 } };
const time = { deadline: { seconds: 5n }, tryTimeout: { nanos: 150_000_000 } };
const leaf = tinyContract(
  'bakery.leaf',
  {
    Safe: { level: Level.NO_SIDE_EFFECTS, policy: { ...time, retry } },
    Keyed: { policy: { ...time, retry, idempotencyKey: 'key' } },
    // It may ask for no retry; a try timeout and its service's retry must not make it repeat either.
    Unsafe: { policy: time },
  },
  { callers: ['bakery.front'], defaults: { retry } },
);
const methods = ['Safe', 'Keyed', 'Unsafe'] as const;
const front = tinyContract('bakery.front', { Call: {} });

test.before(async (t) => {
  const mesh = await runMesh();
  // At once, so that it ends also when what follows fails.
  Object.assign(t.context, { mesh });
  const [frontIn, frontOut, leafIn] = await freePorts(3);
  const directory = new MeshDirectory();
  for (const [name, set] of Object.entries({ front, leaf })) directory.contract('bakery', name, set).service(name);
  directory
    .replica('front-0', {
      contract: contractHash(front),
      inbound: `127.0.0.1:${frontIn}`,
      application: `unix:${mesh.dir}/front`,
      outbound: `127.0.0.1:${frontOut}`,
    })
    .replica('leaf-0', {
      contract: contractHash(leaf),
      inbound: `127.0.0.1:${leafIn}`,
      application: `unix:${mesh.dir}/leaf`,
    });
  const application = await startRawApplication(`${mesh.dir}/leaf`);
  Object.assign(t.context, { application });
  await mesh.update(directory);
  await mesh.startProxy('bakery/front-0');
  await mesh.startProxy('bakery/leaf-0');
  Object.assign(t.context, { mesh, application, caller: new RawCaller(`127.0.0.1:${frontOut}`) });
});

test.after.always(async (t) => {
  t.context.caller?.close();
  await t.context.application?.away();
  await t.context.mesh?.stop();
});

interface Condition {
  readonly what: string;
  readonly behaviour?: Behaviour;
  readonly state?: 'away' | 'slam';
  /** The call is Connect's, in JSON. */
  readonly connect?: boolean;
  /** How often the application sees the call: safe, keyed, unsafe. */
  readonly seen: readonly [number, number, number];
}

const conditions: readonly Condition[] = [
  { what: 'Connection refused', state: 'away', seen: [0, 0, 0] },
  { what: 'Connection closed before the request is read', state: 'slam', seen: [0, 0, 0] },
  { what: 'Reset after the request', behaviour: behaviours.reset, seen: [3, 3, 1] },
  { what: 'UNAVAILABLE, trailers only', behaviour: behaviours.unavailable, seen: [3, 3, 1] },
  { what: 'ABORTED, which the contract does not name', behaviour: trailersOnly('10'), seen: [1, 1, 1] },
  { what: 'UNAVAILABLE in trailers after headers', behaviour: behaviours.lateUnavailable, seen: [1, 1, 1] },
  { what: '503 without gRPC', behaviour: behaviours.plain503, seen: [3, 3, 1] },
  { what: 'Connect: unavailable', behaviour: behaviours.connectUnavailable, connect: true, seen: [3, 3, 1] },
  { what: 'Connect: reset after the request', behaviour: behaviours.reset, connect: true, seen: [3, 3, 1] },
  { what: 'Connect: connection refused', state: 'away', connect: true, seen: [0, 0, 0] },
  { what: 'Try timeout', behaviour: behaviours.hang, seen: [3, 3, 1] },
];

async function seenBy(t: { context: Context }, condition: Condition): Promise<number[]> {
  const { application, caller } = t.context;
  if (condition.behaviour) application.behaviour = condition.behaviour;
  if (condition.state) await application.away();
  if (condition.state === 'slam') {
    application.slam = true;
    await application.back();
  }
  const counts: number[] = [];
  for (const method of methods) {
    application.seen.length = 0;
    const headers = condition.connect ? { 'content-type': 'application/json' } : {};
    const body = condition.connect ? '{}' : Buffer.alloc(5);
    await caller.call({ authority: 'bakery.leaf', path: tinyPath('bakery.leaf', method), headers, body });
    counts.push(application.seen.length);
  }
  application.slam = false;
  if (condition.state === 'slam') await application.away();
  if (condition.state) await application.back();
  return counts;
}

const rows = new Map<string, number[]>();

for (const condition of conditions) {
  test.serial(`retries: ${condition.what}`, async (t) => {
    const seen = await seenBy(t, condition);
    rows.set(condition.what, seen);
    t.deepEqual(seen, [...condition.seen]);
    t.true((seen[2] ?? 2) <= 1, 'no unsafe method is delivered twice');
  });
}

test.serial('retries: docs/retries.md has the table that was measured', async (t) => {
  const table = [
    '| the replica always answers with | safe | keyed | unsafe |',
    '|---|---|---|---|',
    ...[...rows].map(([what, seen]) => `| ${what} | ${seen.join(' | ')} |`),
  ].join('\n');
  const text = await readFile(docs, 'utf8');
  t.regex(text, /<!-- retries:begin[^>]*-->\n[\s\S]+\n<!-- retries:end -->/);
  const fresh = text.replace(
    /(<!-- retries:begin[^>]*-->\n)[\s\S]*?(\n<!-- retries:end -->)/,
    (_, begin: string, end: string) => `${begin}\n${table}\n${end}`,
  );
  if (process.env.UPDATE_DOCS) await writeFile(docs, fresh);
  t.is(
    await readFile(docs, 'utf8'),
    fresh,
    'UPDATE_DOCS=1 npx ava services/control-plane/src/on-envoy/retries.test.ts',
  );
});
