import { execFile } from 'node:child_process';
import { appendFile, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { type ProbeAnswer, probeCall } from '../../packages/cli/src/supervisor/probe-call.ts';
import { DocumentedPage } from '../documented-page.ts';
import { createLinkedProject, type LinkedProject } from '../linked-project.ts';
import { type Mesh, startMesh } from '../mesh.ts';
import { otherLanguages } from '../other-languages.ts';
import { type OtlpReceiver, type Span, startOtlpReceiver } from '../otlp-receiver.ts';
import { waitFor } from '../wait-for.ts';

const execute = promisify(execFile);

/** A handler of the Go service that a short deadline finds at work: it ends when the deadline or its caller says so, and logs which. */
const patientHandler = `package main

import (
	"context"
	"log"
	"time"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

func work(ctx context.Context) error {
	deadline, ok := ctx.Deadline()
	left := time.Until(deadline).Milliseconds()
	if !ok || left > 2500 {
		return nil
	}
	headers, _ := metadata.FromIncomingContext(ctx)
	log.Printf("works for %d ms, called by %v", left, headers.Get("x-weft-caller"))
	<-ctx.Done()
	log.Printf("ended: %v", ctx.Err())
	return status.FromContextError(ctx.Err()).Err()
}
`;

let missing: string | undefined;
let collector: OtlpReceiver;
let project: LinkedProject;
let mesh: Mesh;

// cafe (TypeScript) calls menu (Python), which calls stock (Go), which calls flour (TypeScript).
test.before(async (t) => {
  // The first time downloads and compiles.
  t.timeout(600_000);
  const languages = await otherLanguages();
  if ('missing' in languages) {
    missing = languages.missing;
    return;
  }
  project = await createLinkedProject('bakery');
  for (const name of ['bread', 'oven']) await rm(join(project.directory, 'services', name), { recursive: true });
  await project.weft('add', 'service', 'flour');
  // The page's commands; its stock calls nobody.
  const page = new DocumentedPage('docs/other-languages.md', 'tests/e2e/languages.test.ts');
  await project.run(
    'sh',
    '-c',
    `${page.next(/^npx weft add service stock --language go$/)} --calls bakery.flour --database`,
  );
  const menu = page.next(/^npx weft add service menu --language python --calls bakery\.stock$/);
  await project.run('sh', '-c', `${menu} --database`);
  page.next(/^npx weft up$/); // below
  if (page.left.length > 0) throw new Error(`${page.path} has more: ${page.left}`);
  await project.weft('add', 'service', 'cafe', '--calls', 'bakery.menu');
  await symlink(languages.venv, join(project.directory, 'services/menu/.venv'));
  const go = join(project.directory, 'services/stock');
  await writeFile(join(go, 'work.go'), patientHandler);
  const handlers = await readFile(join(go, 'service.go'), 'utf8');
  const patient = handlers.replace(
    /^func .*Describe.*\n/m,
    '$&\tif err := work(ctx); err != nil {\n\t\treturn nil, err\n\t}\n',
  );
  await writeFile(join(go, 'service.go'), patient);

  await appendFile(join(go, 'weft.yaml'), 'listen: tcp\n');

  collector = await startOtlpReceiver();
  mesh = await startMesh({
    project: project.directory,
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.port}`, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
    up: ['--wait', '100'],
  });
});

test.after.always(async () => {
  await mesh?.stop();
  await project?.remove();
  await collector?.close();
});

/** A test of the running mesh; passes with a word where this machine lacks a language. */
function inMesh(title: string, check: (t: ExecutionContext) => Promise<void>): void {
  test.serial(title, async (t) => {
    if (missing === undefined) return check(t);
    t.log(`skipped: ${missing}`);
    t.pass();
  });
}

/** Calls Describe of a service at the edge, by Connect. */
function describe(service: string, options: { timeoutMs?: number; signal?: AbortSignal } = {}) {
  const name = service.slice(0, 1).toUpperCase() + service.slice(1);
  return fetch(`${mesh.edge}/bakery.${service}.v1.${name}Service/Describe`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'connect-protocol-version': '1',
      ...(options.timeoutMs === undefined ? {} : { 'connect-timeout-ms': String(options.timeoutMs) }),
    },
    body: '{}',
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
}

/** A page's that a local web server serves. */
const origin = 'http://localhost:5173';

function describePath(service: string): string {
  const name = service.slice(0, 1).toUpperCase() + service.slice(1);
  return `/bakery.${service}.v1.${name}Service/Describe`;
}

/** Calls Describe of a service at the edge by gRPC-Web, as a page does. */
async function describeByGrpcWeb(
  service: string,
  type: string,
  headers: Record<string, string> = {},
  path = describePath(service),
  message = Buffer.alloc(5),
) {
  const isText = type.includes('-text');
  const answer = await fetch(mesh.edge + path, {
    method: 'POST',
    headers: { 'content-type': type, accept: type, 'x-grpc-web': '1', origin, ...headers },
    body: isText ? message.toString('base64') : new Uint8Array(message),
  });
  const body = await answer.text();
  const parts = body.match(/[^=]+=*/g) ?? [];
  const text = isText ? Buffer.concat(parts.map((part) => Buffer.from(part, 'base64'))).toString() : body;
  return { status: answer.status, headers: answer.headers, text };
}

/** What a replica's own call of Describe is answered by the mesh. */
async function callFrom(caller: string, callee: string): Promise<ProbeAnswer> {
  const { outbound = '' } = await mesh.replica(`${caller}-0`);
  const name = callee.slice(0, 1).toUpperCase() + callee.slice(1);
  return probeCall(Number(outbound.split(':')[1]), `bakery.${callee}`, `/bakery.${callee}.v1.${name}Service/Describe`);
}

inMesh('a call goes through TypeScript, Python, Go and TypeScript', async (t) => {
  t.deepEqual((await mesh.supervisor()).troubles, []);
  let text: string = JSON.parse(await (await describe('cafe')).text()).text;
  for (const callee of ['menu', 'stock', 'flour']) {
    const [, logicalName, answer = '{}'] = /^(\S+) answered (.*)$/.exec(text) ?? [];
    t.is(logicalName, `bakery.${callee}`);
    text = JSON.parse(answer).text;
  }
  t.is(text, 'flour serves');
});

inMesh('four added services in a row give no finding', async (t) => {
  t.is(await project.weft('lint', '--mesh'), 'No problems found in the contracts.\n');
  t.regex(await mesh.weft('check'), /^.*no problems$/m);
});

inMesh('the edge brings gRPC, gRPC-Web and REST to Python and Go; Connect needs the kit', async (t) => {
  const check = async (service: string) => {
    t.regex(await (await fetch(`${mesh.edge}/v1/${service}`)).text(), /answered/, service);
    const answer = await probeCall(Number(new URL(mesh.edge).port), 'localhost', describePath(service));
    // The probe's message cannot be decoded: an application that is reached says so, Go with INTERNAL and Python with UNKNOWN.
    t.true([13, 2].includes(answer.code), `${service}: ${answer.code} ${answer.message}`);
    for (const type of ['application/grpc-web+proto', 'application/grpc-web-text']) {
      const web = await describeByGrpcWeb(service, type);
      t.is(web.headers.get('access-control-allow-origin'), origin);
      t.regex(web.headers.get('access-control-expose-headers') ?? '', /grpc-status, grpc-message, .*weft-trace-id/);
      t.regex(web.text, /answered/, `${service} ${type}`);
      t.regex(web.text, /grpc-status:0\r\n/, `${service} ${type}`);
    }
    t.not((await describe(service)).status, 200, service);
  };
  await Promise.all(['menu', 'stock'].map(check));
});

for (const [caller, callee] of [
  ['cafe', 'menu'],
  ['menu', 'stock'],
  ['stock', 'flour'],
] as const) {
  inMesh(`${caller} may call ${callee}, and no other way round`, async (t) => {
    // The message cannot be decoded, so an application that is reached refuses that.
    t.not((await callFrom(caller, callee)).code, 7);
    const { code, message } = await callFrom(callee, caller);
    t.is(code, 7);
    t.regex(message, new RegExp(`^weft: bakery\\.${callee} may not call bakery\\.${caller}\\.v1\\.`));
  });
}

inMesh('a service that skips a language is refused, too', async (t) => {
  t.is((await callFrom('cafe', 'stock')).code, 7);
  t.is((await callFrom('menu', 'flour')).code, 7);
});

/** What the Go service has logged of calls with a short deadline: a line when one begins, with its caller, and one when it ends. */
async function work() {
  const log = await mesh.log('stock-0');
  const lefts = [...log.matchAll(/works for (\d+) ms, called by \[bakery\.menu\]/g)].map(([, left]) => Number(left));
  const ends = [...log.matchAll(/ended: context (deadline exceeded|canceled)/g)].map(([, end]) => end);
  return { lefts, ends };
}

inMesh('a short deadline at the first service ends the work of the last one', async (t) => {
  const before = await work();
  const answer = await describe('cafe', { timeoutMs: 1_200 });
  t.like(await answer.json(), { code: 'deadline_exceeded' });
  const { lefts, ends } = await waitFor('the Go service to end', async () => {
    const after = await work();
    return after.ends.length > before.ends.length && after;
  });
  // It had what was left of the caller's time, and learned of its end by its own clock or from its caller. Nothing tried again.
  t.is(lefts.length, before.lefts.length + 1);
  t.is(ends.length, lefts.length);
  // Python's gRPC rounds a timeout of 1 to 10 s up to the next 10 ms.
  t.true(Number(lefts.at(-1)) <= 1_210, `${lefts.at(-1)} ms`);
});

inMesh('a caller that goes away ends the work of the last one', async (t) => {
  const before = await work();
  const leaving = new AbortController();
  const call = describe('cafe', { timeoutMs: 2_400, signal: leaving.signal }).catch(() => undefined);
  await waitFor('the Go service to work', async () => (await work()).lefts.length > before.lefts.length);
  leaving.abort();
  await call;
  const { ends } = await waitFor('the Go service to be told', async () => {
    const after = await work();
    return after.ends.length > before.ends.length && after;
  });
  t.is(ends.at(-1), 'canceled');
});

inMesh('after SIGTERM, Python and Go finish a call and end with 0', async (t) => {
  const before = await work();
  const processes = await Promise.all(['menu-0', 'stock-0'].map((name) => mesh.replica(name)));
  const call = describe('cafe', { timeoutMs: 1_400 });
  await waitFor('the Go service to work', async () => (await work()).lefts.length > before.lefts.length);
  for (const { pid = 0 } of processes) process.kill(pid, 'SIGTERM');
  t.like(await (await call).json(), { code: 'deadline_exceeded' });
  for (const { name } of processes) {
    await waitFor(`${name} to end`, async () => (await mesh.log('up')).includes(`${name} ended with exit code 0`));
  }
  // Nothing tried again.
  t.is((await work()).lefts.length, before.lefts.length + 1);
  await waitFor('both to be back', async () => (await describe('cafe')).ok);
});

inMesh('Python and Go end with 0 on SIGINT', async (t) => {
  for (const name of ['menu-0', 'stock-0']) {
    const ends = async () => (await mesh.log('up')).split(`${name} ended with exit code 0`).length;
    const before = await ends();
    const { pid = 0 } = await mesh.replica(name);
    process.kill(pid, 'SIGINT');
    await waitFor(`${name} to end`, async () => (await ends()) > before);
  }
  await waitFor('both to be back', async () => (await describe('cafe')).ok);
  t.pass();
});

inMesh('by gRPC-Web a deadline, a refusal and an error of the application are told from one another', async (t) => {
  const type = 'application/grpc-web+proto';
  const ended = async (...call: Parameters<typeof describeByGrpcWeb>) => {
    const { status, headers, text } = await describeByGrpcWeb(...call);
    return [status, Number(headers.get('grpc-status') ?? /grpc-status:(\d+)/.exec(text)?.[1])];
  };
  // The Go service waits for so short a deadline to pass.
  t.deepEqual(await ended('stock', type, { 'grpc-timeout': '50m' }), [200, 4]);
  t.deepEqual(await ended('stock', type, {}, '/bakery.stock.v1.StockService/Nothing'), [200, 12]);
  const broken = Buffer.from([0, 0, 0, 0, 1, 0xff]);
  t.deepEqual(await ended('menu', type, {}, undefined, broken), [200, 2]);
  t.deepEqual(await ended('stock', type, {}, undefined, broken), [200, 13]);
});

inMesh('Python and Go keep items in a schema of their own, which their migrations have made', async (t) => {
  const keep = async (service: string) => {
    const url = `${mesh.edge}/v1/${service}/items`;
    const add = (name: string) =>
      fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ name }) });
    t.like(await (await add('first')).json(), { item: { name: 'first' } }, service);
    t.is((await add('')).status, 400, service);
    const { items }: { items: readonly { name: string; createdAt: string }[] } = JSON.parse(
      await (await fetch(url)).text(),
    );
    t.deepEqual(
      items.map(({ name }) => name),
      ['first'],
      service,
    );
    t.regex(items[0]?.createdAt ?? '', /^20/);
    t.regex(await mesh.log(`${service}-0`), /migrated 0001_items\.sql/);
  };
  await Promise.all(['menu', 'stock'].map(keep));
});

inMesh('a migration that was changed after it was applied is named', async (t) => {
  const changed = async (service: string) => {
    const file = join(project.directory, `services/${service}/migrations/0001_items.sql`);
    const before = await readFile(file, 'utf8');
    await appendFile(file, '-- changed\n');
    await t.throwsAsync(project.weft('restart', service, '--state', mesh.state), {
      message: /migration 0001_items\.sql.* was changed after it was applied; undo that and add a new one/,
    });
    await writeFile(file, before);
    t.regex(await project.weft('restart', service, '--state', mesh.state), new RegExp(service));
  };
  await Promise.all(['menu', 'stock'].map(changed));
});

inMesh('`weft test` runs the tests of both', async (t) => {
  t.regex(await project.weft('test', 'menu', 'stock'), /2 services tested: 2 passed, 0 failed/);
});

inMesh('without go, the last line says what to do', async (t) => {
  const cwd = join(project.directory, 'services/stock');
  const error = await t.throwsAsync<Error & { stderr: string }>(
    execute('/bin/sh', ['run.sh'], { cwd, env: { PATH: '/nonexistent' } }),
  );
  t.is(error?.stderr, 'the command go was not found; install Go 1.26 or later\n');
});

inMesh('one call is one trace, joined through services without the kit', async (t) => {
  await describe('cafe');
  const services = ['edge', 'bakery.cafe', 'bakery.menu', 'bakery.stock', 'bakery.flour'];
  const orphans = (spans: readonly Span[]) => {
    const ids = new Set(spans.map(({ spanId }) => spanId));
    return spans.filter(({ parentSpanId }) => parentSpanId !== '' && !ids.has(parentSpanId));
  };
  const spans = await collector.trace(
    (trace) =>
      orphans(trace).length === 0 && services.every((service) => trace.some((span) => span.service === service)),
  );
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const path = (span: Span): string[] => {
    const parent = byId.get(span.parentSpanId);
    const above = parent ? path(parent) : [];
    return above.at(-1) === span.service ? above : [...above, span.service];
  };
  const last = spans.filter(({ service }) => service === 'bakery.flour');
  for (const span of last) t.deepEqual(path(span), services);
  t.is(spans.filter(({ parentSpanId }) => parentSpanId === '').length, 1);
});
