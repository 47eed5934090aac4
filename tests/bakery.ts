import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

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

/** A contract package before anything was generated. */
function contract(name: string): string {
  return json({
    name: `@bakery/${name}-contract`,
    ...version,
    exports: { './v1': './gen/v1.ts', './descriptor.binpb': './descriptor.binpb' },
    weft: { contract: `bakery.${name}` },
    dependencies: { '@weft/policy': '^0.1.0' },
    peerDependencies: { '@bufbuild/protobuf': '^2.8.0' },
  });
}

const files: Readonly<Record<string, string>> = {
  'package.json': json({ name: 'bakery', ...version, workspaces: ['contracts/*', 'services/*'] }),
  'weft.project.yaml': 'name: bakery\n',
  'proto/bakery/bread/v1/bread.proto': proto,
  'proto/bakery/oven/v1/oven.proto': proto.replaceAll('bread', 'oven').replaceAll('Bread', 'Oven'),
  'contracts/bread/package.json': contract('bread'),
  'contracts/oven/package.json': contract('oven'),
  'services/bread/package.json': json({
    name: '@bakery/bread',
    ...version,
    dependencies: { '@bakery/bread-contract': '^0.1.0', '@bufbuild/protobuf': '^2.0.0', '@weft/service-kit': '^0.1.0' },
    devDependencies: { 'is-number': '^7.0.0' },
  }),
  'services/bread/weft.yaml': 'schema: bread\n',
  'services/bread/src/main.ts': main,
  'services/bread/src/main.test.ts': 'throw new Error("a test is no part of an image");\n',
  'services/bread/migrations/0001_loaves.sql': 'create table loaves (loaf_id bigint generated always as identity);\n',
  'services/bread/.env': 'SECRET=1\n',
  'services/oven/weft.yaml': `command: [node, oven.cjs]
env: { HEAT: "250" }
health: tcp
`,
  'services/oven/Dockerfile': 'FROM node:24-slim\nWORKDIR /app\nCOPY *.cjs ./\nUSER node\nCMD ["node", "oven.cjs"]\n',
  'services/oven/oven.cjs': oven,
};

/**
 * Writes a project outside of this repository with two services: bread, of Node with a database, and oven, a command without the kit.
 * Its packages are not installed, and nothing is generated.
 */
export async function writeBakery(directory: string): Promise<void> {
  for (const [file, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, file)), { recursive: true });
    await writeFile(join(directory, file), text);
  }
}
