import { execFile } from 'node:child_process';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '..');

const proto = `syntax = "proto3";
package bakery.bread.v1;
import "weft/policy/v1/policy.proto";
service BreadService {
  option (weft.policy.v1.service) = { callers: ["shop.orders"], defaults: { deadline: { seconds: 5 } } };
  rpc BakeLoaf(BakeLoafRequest) returns (BakeLoafResponse);
}
message BakeLoafRequest {}
message BakeLoafResponse { int32 loaves = 1; }
`;

const contract = `import { readFileSync } from 'node:fs';
import { createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';

const file: string = new URL('../descriptor.binpb', import.meta.url).pathname;
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(file)));
export const BreadService = registry.getService('bakery.bread.v1.BreadService')!;
`;

const main = `import { BreadService } from '@bakery/bread-contract/v1';
import { implement, postgres, serve } from '@weft/service-kit';

const database = postgres({ schema: 'bread', migrations: new URL('../migrations/', import.meta.url) });
const bread = implement(BreadService, {
  async bakeLoaf() {
    await database.query('insert into loaves default values');
    const { rows } = await database.query('select count(*)::int as loaves from loaves');
    return { loaves: rows[0].loaves };
  },
});
await Promise.all([
  database.migrate(),
  serve({ name: 'bakery.bread', services: [bread], checks: { database: (signal) => database.check(signal) } }),
]);
`;

/** A program without the kit, in no language that the mesh knows: it answers every call by gRPC with an empty message. */
const oven = `const { createServer } = require('node:http2');
const [host, port] = process.env.WEFT_LISTEN.split(':');
const server = createServer();
server.on('stream', (stream) => {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.end(Buffer.alloc(5));
});
server.listen(Number(port), host, () => console.log('oven serves ' + process.env.HEAT));
process.on('SIGTERM', () => process.exit(0));
`;

const version = { version: '0.1.0', private: true, type: 'module' };
const json = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;

const files: Readonly<Record<string, string>> = {
  'package.json': json({ name: 'bakery', ...version, workspaces: ['contracts/*', 'services/*'] }),
  'buf.yaml': 'version: v2\nmodules:\n  - path: proto\n  - path: third_party/proto\n',
  'proto/bakery/bread/v1/bread.proto': proto,
  'proto/bakery/oven/v1/oven.proto': proto.replaceAll('bread', 'oven').replaceAll('Bread', 'Oven'),
  'contracts/bread/package.json': json({
    name: '@bakery/bread-contract',
    ...version,
    exports: { './v1': './gen/v1.ts', './descriptor.binpb': './descriptor.binpb' },
    weft: { contract: 'bakery.bread' },
    peerDependencies: { '@bufbuild/protobuf': '^2.0.0' },
  }),
  'contracts/bread/gen/v1.ts': contract,
  'contracts/oven/package.json': json({ name: '@bakery/oven-contract', ...version, weft: { contract: 'bakery.oven' } }),
  'services/bread/package.json': json({
    name: '@bakery/bread',
    ...version,
    dependencies: { '@bakery/bread-contract': '^0.1.0', '@bufbuild/protobuf': '^2.0.0', '@weft/service-kit': '^0.1.0' },
    devDependencies: { 'is-number': '^7.0.0' },
  }),
  'services/bread/weft.yaml': 'name: bread\nnamespace: bakery\ncontract: bakery.bread\nschema: bread\n',
  'services/bread/src/main.ts': main,
  'services/bread/src/main.test.ts': 'throw new Error("a test is no part of an image");\n',
  'services/bread/migrations/0001_loaves.sql': 'create table loaves (loaf_id bigint generated always as identity);\n',
  'services/bread/.env': 'SECRET=1\n',
  'services/oven/weft.yaml': `name: oven
namespace: bakery
contract: bakery.oven
command: [node, oven.cjs]
env: { HEAT: "250" }
health: tcp
`,
  'services/oven/Dockerfile': 'FROM node:24-slim\nWORKDIR /app\nCOPY *.cjs ./\nUSER node\nCMD ["node", "oven.cjs"]\n',
  'services/oven/oven.cjs': oven,
};

/** A project outside of this repository with two services: bread, of Node with a database, and oven, a command without the kit. */
export async function writeBakery(directory: string): Promise<void> {
  for (const [file, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, file)), { recursive: true });
    await writeFile(join(directory, file), text);
  }
  await cp(join(root, 'third_party/proto'), join(directory, 'third_party/proto'), { recursive: true });
  await cp(join(root, 'proto/weft/policy'), join(directory, 'proto/weft/policy'), { recursive: true });
  for (const name of ['bread', 'oven']) {
    const out = join(directory, 'contracts', name, 'descriptor.binpb');
    const args = ['build', '--path', `proto/bakery/${name}`, '--as-file-descriptor-set', '-o', out];
    await execute(join(root, 'node_modules/.bin/buf'), args, { cwd: directory });
  }
}
