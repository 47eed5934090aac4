/** The application of sidecar.ts for streams: answers every call with messages of 1 KB as fast as they are taken. Its socket is its argument. */
import { createServer } from 'node:http2';

const message = Buffer.alloc(5 + 1024);
message.writeUInt32BE(1024, 1);
const batch = Buffer.concat(Array.from({ length: 16 }, () => message));

const server = createServer();
server.on('stream', (stream) => {
  stream.on('error', () => {});
  stream.respond({ ':status': 200, 'content-type': 'application/grpc+proto' });
  const more = () => {
    while (!stream.destroyed && stream.write(batch));
  };
  stream.on('drain', more);
  more();
});
server.listen(process.argv[2], () => process.send?.('ready'));
process.on('disconnect', () => process.exit(0));
