import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import {
  createFileRegistry,
  type DescMethod,
  type DescMethodUnary,
  fromBinary,
  toJsonString,
} from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import type { Transport } from '@connectrpc/connect';
import { createGrpcTransport, createGrpcWebTransport, Http2SessionManager } from '@connectrpc/connect-node';
import test, { type ExecutionContext } from 'ava';
import { DocumentedPage } from '../documented-page.ts';
import { findGrpcurl } from '../grpcurl.ts';
import { type Registry, startRegistry } from '../registry.ts';
import { waitFor } from '../wait-for.ts';
import { type Background, EmptyDirectory } from './empty-directory.ts';

let registry: Registry;
test.before(async () => {
  registry = await startRegistry();
});
test.after.always(async () => {
  await registry?.stop();
});

async function emptyDirectory(
  t: ExecutionContext,
  { bin, ci }: { bin?: readonly string[]; ci?: boolean } = {},
): Promise<EmptyDirectory> {
  const home = await EmptyDirectory.create(registry, bin, ci);
  t.teardown(() => home.remove());
  return home;
}

/** Changes a file as an editor does; `before` must be in it. */
async function edit(home: EmptyDirectory, path: string, before: string, after: string): Promise<void> {
  const text = await readFile(home.at(path), 'utf8');
  if (!text.includes(before)) throw new Error(`${path} does not have ${before}:\n${text}`);
  await writeFile(home.at(path), text.replace(before, after));
}

/** The commands that a welcome text prints, each run as it is printed. */
async function tryWhatIsPrinted(t: ExecutionContext, home: EmptyDirectory, welcome: string): Promise<void> {
  const commands = [...welcome.matchAll(/^ {2}((?:curl|grpcurl|npx|pnpm) .*)$/gm)].map(([, command = '']) => command);
  t.true(commands.length >= 5, welcome);
  for (const command of commands) {
    if (command.startsWith('grpcurl') && findGrpcurl() === undefined) continue;
    const answer = await home.run(command.startsWith('curl') ? `${command} -sS --fail-with-body` : command);
    if (!command.endsWith('status') && !command.endsWith('list')) t.notThrows(() => JSON.parse(answer), command);
  }
}

function isUnary(method: DescMethod | undefined): method is DescMethodUnary {
  return method?.methodKind === 'unary';
}

/** Bakes a loaf by the contract that the project has generated; resolves with the response as JSON. */
async function bake(home: EmptyDirectory, transport: Transport): Promise<string> {
  const set = fromBinary(FileDescriptorSetSchema, await readFile(home.at('contracts/bread/descriptor.binpb')));
  const service = createFileRegistry(set).getService('bakery.bread.v1.BreadService');
  const method = service?.methods.find(({ name }) => name === 'BakeLoaf');
  if (!isUnary(method)) throw new Error('bakery.bread.v1.BreadService/BakeLoaf is not in the contract');
  const { message } = await transport.unary(method, undefined, 10_000, undefined, { flour: 'rye' });
  return toJsonString(method.output, message);
}

/** gRPC, gRPC-Web, and what a browser on a page of another origin does. */
async function callByEachProtocol(t: ExecutionContext, home: EmptyDirectory): Promise<void> {
  const baseUrl = `http://${home.edge}`;
  const sessionManager = new Http2SessionManager(baseUrl);
  try {
    t.regex(await bake(home, createGrpcTransport({ baseUrl, sessionManager })), /dark and crisp/);
  } finally {
    sessionManager.abort();
  }
  t.regex(await bake(home, createGrpcWebTransport({ baseUrl, httpVersion: '1.1' })), /dark and crisp/);

  const origin = 'http://localhost:5173';
  const url = `${baseUrl}/bakery.bread.v1.BreadService/BakeLoaf`;
  const preflight = await fetch(url, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type,connect-protocol-version',
    },
  });
  t.is(preflight.headers.get('access-control-allow-origin'), origin);
  t.regex(preflight.headers.get('access-control-allow-headers') ?? '', /content-type.*connect-protocol-version/);
  const headers = { origin, 'content-type': 'application/json', 'connect-protocol-version': '1' };
  const answer = await fetch(url, { method: 'POST', headers, body: '{"flour":"rye"}' });
  t.is(answer.headers.get('access-control-allow-origin'), origin);
  t.regex(await answer.text(), /dark and crisp/);
}

/**
 * Edits the handler of cart in a running `weft dev`, and waits for an answer of the new code. A machine that does other things, too, is
 * slow at starting processes, and this is not about how slow.
 */
async function editHandler(home: EmptyDirectory, dev: Background, callCart: string): Promise<void> {
  await edit(home, 'services/cart/src/cart-service.ts', 'bakery.bread answered', 'bread says');
  let answer = '';
  const isNew = async () => {
    answer = await home.run(`${callCart} -sS`);
    return answer.includes('bread says');
  };
  await waitFor('the edited handler', isNew, { timeoutMs: 90_000 }).catch((error: unknown) => {
    throw new Error(`cart answered ${answer}, and weft dev printed:\n${dev.output().slice(-6_000)}`, { cause: error });
  });
}

test.serial('the tutorial with npm: create, up, calls, add, test, dev with edits, package', async (t) => {
  const home = await emptyDirectory(t);
  const page = new DocumentedPage('docs/tutorial.md', 'tests/published/first-day.test.ts');
  await home.run(page.next(/^npm create weft@latest bakery$/));
  t.is(page.next(/^cd /), 'cd bakery');
  home.folder = 'bakery';

  const up = home.start(page.next(/^npx weft up$/));
  try {
    await tryWhatIsPrinted(t, home, await up.said(/Ctrl-C stops everything/));
    t.regex(await home.run(`${page.next(/^curl .*rye/, home.edge)} -sS`), /"flour":"rye"/);
    t.regex(await home.run(`${page.next(/^curl .*loaves$/, home.edge)} -sS`), /"loaves":\[/);
    t.regex(await home.run(page.next(/^npx weft why edge/)), /oven\.proto:\d+/);
    await callByEachProtocol(t, home);
    await home.run(page.next(/^npx weft add service cart --calls bakery\.bread --database$/));
  } finally {
    await up.stop();
  }
  t.regex(await home.run(page.next(/^npx weft test$/)), /3 services tested: 3 passed, 0 failed/);

  const dev = home.start(page.next(/^npx weft dev$/));
  try {
    await dev.said(/Following edits/);
    const callCart = page.next(/^curl .*cart$/, home.edge);
    t.regex(await home.run(`${callCart} -sS`), /bakery\.bread answered .*rye/);
    await editHandler(home, dev, callCart);
    const since = dev.output().length;
    await edit(home, 'proto/bakery/bread/v1/bread.proto', 'deadline: {seconds: 5}', 'deadline: {seconds: 4}');
    const said = await dev.said(/deadline: 5 s -> 4 s/, since);
    t.regex(said, /bakery\.bread changed:\nbakery\.cart, edge -> bakery\.bread\.v1\.BreadService\/BakeLoaf/);
    t.regex(await home.run(`${callCart} -sS`), /bread says/);
  } finally {
    await dev.stop();
  }

  t.deepEqual(page.left, []);
  await home.run('npx weft package cart --no-image');
  t.true(existsSync(home.at('dist/cart')));
});

// pnpm is stricter in CI: it refuses a lock file that does not fit.
test.serial('with pnpm, in CI too: create, up, add, dev with an edit', async (t) => {
  const tools = await emptyDirectory(t);
  await tools.run('npm install --ignore-scripts pnpm@12 && node node_modules/pnpm/install.js');
  const home = await emptyDirectory(t, { bin: [tools.at('node_modules/.bin')], ci: true });
  await home.run('pnpm create weft bakery --yes');
  home.folder = 'bakery';
  try {
    const welcome = await home.run('pnpm weft up --detach');
    t.notRegex(welcome, /These do not run/);
    await tryWhatIsPrinted(t, home, welcome);
    await home.run('pnpm weft add service cart --calls bakery.bread --database');
  } finally {
    await home.run('pnpm weft down');
  }
  const dev = home.start('pnpm weft dev');
  try {
    t.notRegex(await dev.said(/Following edits/), /These do not run/);
    await editHandler(home, dev, `curl ${home.edge}/v1/cart`);
  } finally {
    await dev.stop();
  }
});
