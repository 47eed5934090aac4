import { Client, credentials, Server, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js';
import { typeUrls } from '@weft/compiler/envoy/resource';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import test from 'ava';
import { createDelivery } from './delivery.ts';
import { apiListener, eventually, realCluster, realEndpoints, realRoute } from './testing/envoy-mesh.ts';
import { TestViews } from './testing/views.ts';
import { serveXds } from './transport.ts';

const id: WorkloadId = 'bakery/orders-0';
const path = '/test.Echo/Who';
const toBytes = (text: string) => Buffer.from(text);
const echo: ServiceDefinition = {
  who: {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: toBytes,
    requestDeserialize: String,
    responseSerialize: toBytes,
    responseDeserialize: String,
  },
};

/** A gRPC server that answers with its name. */
async function startEcho(name: string): Promise<{ server: Server; port: number }> {
  const server = new Server();
  server.addService(echo, {
    who: (_: unknown, respond: (error: null, answer: string) => void) => respond(null, name),
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  return { server, port };
}

test('the xDS client of grpc-js resolves a service and follows its endpoints', async (t) => {
  const [a, b] = await Promise.all([startEcho('a'), startEcho('b')]);
  const mesh = (port: number) => [
    apiListener('svc', 'svc'),
    realRoute('svc', 'echo', ['svc']),
    realCluster('echo'),
    realEndpoints('echo', port),
  ];
  const views = new TestViews();
  views.set(id, mesh(a.port));
  const delivery = createDelivery({ views });
  const server = await serveXds({
    listen: { host: '127.0.0.1', port: 0 },
    tls: 'plaintext',
    delivery,
    authenticate: async () => ({ ok: true, workload: id }),
  });
  process.env.GRPC_XDS_BOOTSTRAP_CONFIG = JSON.stringify({
    node: { id, locality: {} },
    xds_servers: [
      { server_uri: `127.0.0.1:${server.port}`, channel_creds: [{ type: 'insecure' }], server_features: ['xds_v3'] },
    ],
  });
  // Reads its bootstrap when it is first used.
  const { register } = await import('@grpc/grpc-js-xds');
  register();
  const client = new Client('xds:///svc', credentials.createInsecure());
  const who = () =>
    new Promise<string>((resolve) =>
      client.makeUnaryRequest(path, toBytes, String, 'who', { deadline: Date.now() + 5_000 }, (error, answer) =>
        resolve(error ? `${error.code} ${error.details}` : (answer ?? '')),
      ),
    );
  try {
    t.is(await eventually(who, (answer) => answer === 'a'), 'a');
    views.set(id, mesh(b.port));
    t.is(await eventually(who, (answer) => answer === 'b'), 'b');
    const types = delivery.proxies().get(id)?.types;
    t.is(delivery.proxies().get(id)?.variant, 'sotw');
    for (const typeUrl of [typeUrls.listener, typeUrls.route, typeUrls.cluster, typeUrls.endpoints]) {
      const { sentVersion, ackedVersion } = types?.get(typeUrl) ?? {};
      t.truthy(ackedVersion, typeUrl);
      t.is(ackedVersion, sentVersion, typeUrl);
    }
  } finally {
    client.close();
    delivery.close();
    await server.close();
    a.server.forceShutdown();
    b.server.forceShutdown();
  }
});
