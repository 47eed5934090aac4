import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { create, fromBinary, setExtension, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema, ServiceOptionsSchema } from '@bufbuild/protobuf/wkt';
import { ServicePolicySchema, service as servicePolicy } from '@weft/contracts/weft/policy/v1/policy';
import { goodOrder, shopAt } from '../shop.ts';
import { waitFor } from '../wait-for.ts';
import { clusterTest, freshNamespace } from './cluster.ts';
import { apply } from './command.ts';
import { installed } from './installation.ts';
import { openMeshApi } from './mesh-api.ts';
import { grpcFrom, runPod } from './scratch-pod.ts';

const authorize = '/shop.payments.v1.PaymentService/Authorize';
const permissionDenied = 7;

/** The contract of payments with other callers. */
async function contractFor(callers: string[]): Promise<{ hash: string; base64: string }> {
  const file = join(import.meta.dirname, '../../packages/contracts/descriptors/shop.payments.binpb');
  const set = fromBinary(FileDescriptorSetSchema, await readFile(file));
  for (const proto of set.file) {
    for (const one of proto.service) {
      one.options ??= create(ServiceOptionsSchema);
      setExtension(one.options, servicePolicy, create(ServicePolicySchema, { callers }));
    }
  }
  const bytes = Buffer.from(toBinary(FileDescriptorSetSchema, set));
  return { hash: createHash('sha256').update(bytes).digest('hex').slice(0, 16), base64: bytes.toString('base64') };
}

clusterTest(
  "a namespace that publishes another's contract, and copies its Service and labels, gains nothing",
  async (t) => {
    const { shop, edge, system } = await installed(t);
    const namespace = await freshNamespace(t, 'hostile', { 'weft.dev/inject': 'true' });
    // One that nobody could publish, and one that would be in order if it were payments' own.
    const wild = await contractFor(['*']);
    const { hash, base64 } = await contractFor(['shop.orders', 'shop.catalog']);
    await apply([
      ...[wild, { hash, base64 }].map((contract) => ({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: {
          namespace,
          name: `weft-contract-shop.payments-${contract.hash}`,
          labels: { 'weft.dev/contract': contract.hash },
        },
        immutable: true,
        binaryData: { 'shop.payments.binpb': contract.base64 },
      })),
      ...['orders', 'payments'].map((name) => ({
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { namespace, name },
        spec: { selector: { app: 'orders' }, ports: [{ port: 80, targetPort: 8080, appProtocol: 'grpc' }] },
      })),
    ]);
    const pod = await runPod(t, {
      namespace,
      name: 'orders',
      serviceAccount: 'orders',
      labels: {
        'app.kubernetes.io/name': 'orders',
        'app.kubernetes.io/instance': 'shop',
        'weft.dev/contract': hash,
      },
    });
    const answer = await waitFor('the refusal', async () => {
      const outcome = await grpcFrom(pod, `http://payments.${shop}`, authorize);
      return outcome.grpcStatus === permissionDenied ? outcome : Promise.reject(new Error(JSON.stringify(outcome)));
    });
    t.regex(answer.message ?? '', /its contract names shop\.orders$/);
    const byAddress = await grpcFrom(pod, `http://payments.${shop}`, authorize, 'shop.payments');
    t.is(byAddress.grpcStatus, permissionDenied, JSON.stringify(byAddress));
    const api = await openMeshApi(system);
    try {
      const { problems } = await api.mesh.getStatus({});
      const named = problems
        .map(({ resource, message }) => `${resource}: ${message}`)
        .filter((text) => text.includes(namespace));
      t.log(named);
      for (const contract of [wild.hash, hash]) {
        t.true(
          named.some((text) => text.includes(contract)),
          `status names ${contract}`,
        );
      }
    } finally {
      api.close();
    }
    // Ten orders: none of them may reach a pod of the copy.
    for (let turn = 0; turn < 10; turn++) {
      const { order } = await shopAt(edge).orders.placeOrder(goodOrder());
      t.truthy(order?.orderId);
    }
  },
);
