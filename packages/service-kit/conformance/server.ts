/** A server under test for connectconformance: reads which server is wanted from stdin, starts it, writes where it is. */
import { create } from '@bufbuild/protobuf';
import { implement, serve } from '@weft/service-kit';
import {
  ServerCompatRequestSchema,
  ServerCompatResponseSchema,
} from './.cache/gen/connectrpc/conformance/v1/server_compat_pb.ts';
import { ConformanceService } from './.cache/gen/connectrpc/conformance/v1/service_pb.ts';
import { conformance } from './service.ts';
import { requestsOf, respond } from './stdio.ts';

process.env.LOG_LEVEL = 'silent'; // stdout belongs to the protocol.
for await (const { messageReceiveLimit } of requestsOf(ServerCompatRequestSchema)) {
  const server = await serve({
    services: [implement(ConformanceService, conformance)],
    listen: '127.0.0.1:0',
    drainMs: 0,
    finishMs: 0,
    ...(messageReceiveLimit > 0 && { limits: { maxMessageBytes: messageReceiveLimit } }),
  });
  const [host = '', port] = server.address.split(':');
  respond(ServerCompatResponseSchema, create(ServerCompatResponseSchema, { host, port: Number(port) }));
}
