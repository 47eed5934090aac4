/** A server under test for connectconformance: reads which server is wanted from stdin, starts it, writes where it is. */
import { once } from 'node:events';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { implement, serve } from '@weft/service-kit';
import {
  ServerCompatRequestSchema,
  ServerCompatResponseSchema,
} from './.cache/gen/connectrpc/conformance/v1/server_compat_pb.ts';
import { ConformanceService } from './.cache/gen/connectrpc/conformance/v1/service_pb.ts';
import { conformance } from './service.ts';

/** Requests and responses on stdio are messages after four bytes of length. */
async function readRequest() {
  let seen = Buffer.alloc(0);
  for (;;) {
    if (seen.length >= 4 && seen.length >= 4 + seen.readUInt32BE(0))
      return fromBinary(ServerCompatRequestSchema, seen.subarray(4, 4 + seen.readUInt32BE(0)));
    await once(process.stdin, 'readable');
    const chunk: Buffer | null = process.stdin.read();
    if (chunk) seen = Buffer.concat([seen, chunk]);
  }
}

const request = await readRequest();
process.env.LOG_LEVEL = 'silent'; // stdout belongs to the protocol.
const server = await serve({
  services: [implement(ConformanceService, conformance)],
  listen: '127.0.0.1:0',
  drainMs: 0,
  finishMs: 0,
  ...(request.messageReceiveLimit > 0 && { limits: { maxMessageBytes: request.messageReceiveLimit } }),
});
const [host = '', port] = server.address.split(':');
const response = toBinary(ServerCompatResponseSchema, create(ServerCompatResponseSchema, { host, port: Number(port) }));
const length = Buffer.alloc(4);
length.writeUInt32BE(response.length);
process.stdout.write(Buffer.concat([length, response]));
