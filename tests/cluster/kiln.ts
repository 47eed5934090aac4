import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const proto = `syntax = "proto3";
package bakery.kiln.v1;
import "weft/policy/v1/policy.proto";
service KilnService {
  option (weft.policy.v1.service) = { callers: ["shop.orders"], defaults: { deadline: { seconds: 5 } } };
  rpc Fire(FireRequest) returns (FireResponse);
}
message FireRequest {}
message FireResponse {}
`;

/** Answers every call by gRPC with an empty message. */
const program = `const { createServer } = require('node:http2');
const [host, port] = process.env.WEFT_LISTEN.split(':');
const server = createServer();
server.on('stream', (stream) => {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.end(Buffer.alloc(5));
});
server.listen(Number(port), host, () => console.log('kiln serves ' + process.env.HEAT));
process.on('SIGTERM', () => process.exit(0));
`;

const files: Readonly<Record<string, string>> = {
  'proto/bakery/kiln/v1/kiln.proto': proto,
  'services/kiln/weft.yaml': `command: [node, kiln.cjs]
env: { HEAT: "250" }
health: tcp
`,
  'services/kiln/Dockerfile': 'FROM node:24-slim\nWORKDIR /app\nCOPY *.cjs ./\nUSER node\nCMD ["node", "kiln.cjs"]\n',
  'services/kiln/kiln.cjs': program,
};

/** Adds a service to the project "bakery": a program without the kit, with a Dockerfile of its own, which shop.orders may call. */
export async function writeKiln(project: string): Promise<void> {
  for (const [file, text] of Object.entries(files)) {
    await mkdir(dirname(join(project, file)), { recursive: true });
    await writeFile(join(project, file), text);
  }
}
