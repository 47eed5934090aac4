import { exec } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createFileRegistry, type DescMethod, type DescMethodUnary, fromBinary, toJson } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import test from 'ava';
import { runBlocks } from '../documented-blocks.ts';
import { DocumentedPage } from '../documented-page.ts';
import { type Mesh, startMesh } from '../mesh.ts';
import { makeProject, type TestProject } from '../project.ts';

const page = join(import.meta.dirname, '../../docs/existing-service.md');

let project: TestProject;
let mesh: Mesh;
test.before(async () => {
  project = await makeProject(filesOf(await readFile(page, 'utf8')));
  const commands = new DocumentedPage('docs/existing-service.md', 'tests/e2e/existing-service.test.ts');
  for (const pattern of [/^npm init -y$/, /^npm pkg set type=module$/]) {
    await promisify(exec)(commands.next(pattern), { cwd: project.path });
  }
  mesh = await startMesh({ project: project.path });
});
test.after.always(async () => {
  await mesh?.stop();
  await project?.remove();
});

/** The files of a page: the code blocks below a line that begins with "In `path`". */
function filesOf(markdown: string): Record<string, string> {
  const blocks = markdown.matchAll(
    /In `([\w./]+)`[^`]*(?:`[^`\n]+`[^`]*)*:\n\n(?:<!--.*-->\n)?```\w+.*\n([\s\S]*?)^```$/gm,
  );
  return Object.fromEntries([...blocks].map(([, path = '', text = '']) => [path, text]));
}

test.serial('the services of docs/existing-service.md run in the mesh', async (t) => {
  const { services, problems = [] } = await mesh.status();
  t.deepEqual(problems, []);
  t.deepEqual(
    services.map(({ namespace, name, logicalName, readyReplicas }) => [namespace, name, logicalName, readyReplicas]),
    [
      ['acme', 'front', 'front', 1],
      ['acme', 'stock', 'acme.stock', 1],
    ],
  );
  const byRest = await fetch(`${mesh.edge}/v1/stock/A-1`);
  t.deepEqual(await byRest.json(), { pieces: 12 });
  t.deepEqual(await ask('A-1'), { pieces: 12 });
  t.regex(await mesh.weft('why', 'front', 'StockService/GetStock'), /^front may call .*1 of 1 replicas ready/);
});

test.serial('docs/existing-service.md: its commands run', async (t) => {
  const place = { ...mesh, directory: project.path };
  await runBlocks(t, 'docs/existing-service.md', 'tests/e2e/existing-service.test.ts', place);
});

/** Asks front at the edge, by gRPC; front asks stock. */
async function ask(sku: string): Promise<unknown> {
  const set = await readFile(join(project.path, 'contracts/front/descriptor.binpb'));
  const method = createFileRegistry(fromBinary(FileDescriptorSetSchema, set)).getService('front.Front')?.method.ask;
  if (!isUnary(method)) throw new Error('front.Front has no unary method ask');
  const sessionManager = new Http2SessionManager(mesh.edge);
  try {
    const transport = createGrpcTransport({ baseUrl: mesh.edge, sessionManager });
    const { message } = await transport.unary(method, undefined, undefined, undefined, { sku });
    return toJson(method.output, message);
  } finally {
    sessionManager.abort();
  }
}

function isUnary(method: DescMethod | undefined): method is DescMethodUnary {
  return method?.methodKind === 'unary';
}
