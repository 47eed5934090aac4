/**
 * Unary calls a second of a server of the kit, of a bare @grpc/grpc-js server and of connect-node's, with the same messages
 * and codec; the kit also checks each request against its contract. Each server is a process of its own, the load comes
 * from this one.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { create, toBinary } from '@bufbuild/protobuf';
import { GetOrderRequestSchema, OrderService } from '@shop/orders-contract/v1';
import { client } from '@weft/service-kit';
import { frameMessage } from '@weft/service-kit/grpc';
import { load } from './h2-load.ts';
import { compare, type Side, spread } from './pairs.ts';

const orderId = '0199c1f0-7f2e-7000-8000-000000000001';
const children: ChildProcess[] = [];

async function side(name: string): Promise<Side> {
  const child = fork(new URL('./rpc-server.ts', import.meta.url), [name], {
    silent: true,
    env: { ...process.env, LOG_LEVEL: 'silent' },
  });
  children.push(child);
  child.stderr?.pipe(process.stderr);
  if (!child.stdout) throw new Error('rpc: the server has no stdout');
  const [line] = await once(createInterface(child.stdout), 'line');
  const port = Number(line);
  const { order } = await client(OrderService, { outbound: `127.0.0.1:${port}` }).getOrder({ orderId });
  if (order?.orderId !== orderId) throw new Error(`rpc: ${name} answers wrongly`);
  return () =>
    load({
      host: '127.0.0.1',
      port,
      path: `/${OrderService.typeName}/GetOrder`,
      contentType: 'application/grpc+proto',
      body: frameMessage(toBinary(GetOrderRequestSchema, create(GetOrderRequestSchema, { orderId }))),
      connections: 8,
      streams: 32,
      seconds: Number(process.env.SECONDS_EACH ?? 2),
    });
}

try {
  const kit = await side('kit');
  const ratios: string[] = [];
  for (const name of ['grpc-js', 'connect-node']) {
    const { ratio, a, b } = await compare(kit, await side(name), Number(process.env.ROUNDS ?? 7));
    console.log(`kit           ${spread(a, 'calls/s')}`);
    console.log(`${name.padEnd(13)} ${spread(b, 'calls/s')}`);
    ratios.push(`ratio rpc/${name} ${ratio.toFixed(2)}`);
  }
  console.log(ratios.join('\n'));
} finally {
  for (const child of children) child.disconnect();
}
