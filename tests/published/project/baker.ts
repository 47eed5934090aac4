// A service and its caller as a user writes them: compiled against the published types, and run.
import { client, implement, serve } from '@weft/service-kit';
import { BreadService } from './gen/bakery/bread/v1/bread_pb.js';

const server = await serve({
  listen: '127.0.0.1:0',
  services: [
    implement(BreadService, { bake: async ({ loaves }) => ({ text: `${loaves} loaves on Node ${process.version}` }) }),
  ],
});
const bread = client(BreadService, { outbound: server.address });
const { text } = await bread.bake({ loaves: 3 });
console.log(text);
await server.close();
