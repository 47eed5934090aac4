/**
 * One of the clients of client.ts, by its name and the server's port in the arguments. It does each load that its parent sends and
 * answers with what it took. CPU is that of this process alone.
 */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { Client, credentials } from '@grpc/grpc-js';
import {
  type GetOrderRequest,
  GetOrderRequestSchema,
  type GetOrderResponse,
  GetOrderResponseSchema,
  OrderService,
  type WatchOrderRequest,
  WatchOrderRequestSchema,
  type WatchOrderResponse,
  WatchOrderResponseSchema,
} from '@shop/orders-contract/v1';
import { client } from '@weft/service-kit';

/** What a parent asks for. */
export interface ClientLoad {
  readonly kind: 'unary' | 'stream';
  /** Calls or streams at once. */
  readonly atOnce: number;
  readonly seconds: number;
}

/** What it took. */
export interface ClientTook {
  /** Calls, or messages of streams. */
  readonly perSecond: number;
  /** Of each call or message, in microseconds. */
  readonly cpuMicros: number;
  /** Of each call, in milliseconds; empty for streams. */
  readonly latenciesMs: readonly number[];
}

interface Subject {
  unary(request: GetOrderRequest): Promise<GetOrderResponse>;
  stream(request: WatchOrderRequest): AsyncIterable<WatchOrderResponse>;
}

const orderId = '0199c1f0-7f2e-7000-8000-000000000001';
const [, , name = '', port = ''] = process.argv;

function grpcJs(): Subject {
  const channel = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  return {
    unary: (request) =>
      new Promise((resolve, reject) => {
        channel.makeUnaryRequest(
          `/${OrderService.typeName}/GetOrder`,
          (message: GetOrderRequest) => Buffer.from(toBinary(GetOrderRequestSchema, message)),
          (bytes: Buffer) => fromBinary(GetOrderResponseSchema, bytes),
          request,
          (error, response) => (error || !response ? reject(error ?? new Error('no answer')) : resolve(response)),
        );
      }),
    stream: (request) =>
      channel.makeServerStreamRequest(
        `/${OrderService.typeName}/WatchOrder`,
        (message: WatchOrderRequest) => Buffer.from(toBinary(WatchOrderRequestSchema, message)),
        (bytes: Buffer) => fromBinary(WatchOrderResponseSchema, bytes),
        request,
      ),
  };
}

function kit(): Subject {
  const orders = client(OrderService, { outbound: `127.0.0.1:${port}` });
  return { unary: (request) => orders.getOrder(request), stream: (request) => orders.watchOrder(request) };
}

function connectNode(): Subject {
  const orders = createClient(OrderService, createGrpcTransport({ baseUrl: `http://127.0.0.1:${port}` }));
  return { unary: (request) => orders.getOrder(request), stream: (request) => orders.watchOrder(request) };
}

const subjects: Readonly<Record<string, () => Subject>> = { kit, 'grpc-js': grpcJs, 'connect-node': connectNode };
const subject = subjects[name]?.();
if (!subject) throw new Error(`client-load: ${name} must be one of ${Object.keys(subjects).join(', ')}`);

async function run({ kind, atOnce, seconds }: ClientLoad, { unary, stream }: Subject): Promise<ClientTook> {
  const latenciesMs: number[] = [];
  let count = 0;
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  const endsAt = startedAt + seconds * 1_000;
  const worker = async () => {
    for (let now = performance.now(); now < endsAt; now = performance.now()) {
      if (kind === 'stream') {
        for await (const _ of stream(create(WatchOrderRequestSchema, { orderId }))) count++;
        continue;
      }
      const { order } = await unary(create(GetOrderRequestSchema, { orderId }));
      if (order?.orderId !== orderId) throw new Error(`client-load: ${name} got a wrong answer`);
      latenciesMs.push(performance.now() - now);
      count++;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  const { user, system } = process.cpuUsage(cpu);
  const elapsedMs = performance.now() - startedAt;
  return { perSecond: (count * 1_000) / elapsedMs, cpuMicros: (user + system) / count, latenciesMs };
}

process.on('message', (load: ClientLoad) => {
  run(load, subject).then(
    (took) => process.send?.(took),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on('disconnect', () => process.exit(0));
process.send?.('ready');
