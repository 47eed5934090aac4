import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { create, fromBinary, setExtension, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema, ServiceOptionsSchema } from '@bufbuild/protobuf/wkt';
import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { ServicePolicySchema, service as servicePolicy } from '@weft/policy/weft/policy/v1/policy';
import { goodOrder, shopAt } from '../shop.ts';
import { waitFor } from '../wait-for.ts';
import { clusterTest, freshNamespace, podsOf } from './cluster.ts';
import { apply, get, run } from './command.ts';
import { installed } from './installation.ts';
import { grpcFrom, runPod } from './scratch-pod.ts';

const authorize = '/shop.payments.v1.PaymentService/Authorize';
const permissionDenied = 7;

/** The contract of payments with other callers. */
async function contractFor(callers: string[]): Promise<{ hash: string; base64: string }> {
  const file = join(import.meta.dirname, '../../contracts/payments/descriptor.binpb');
  const set = fromBinary(FileDescriptorSetSchema, await readFile(file));
  for (const proto of set.file) {
    for (const one of proto.service) {
      one.options ??= create(ServiceOptionsSchema);
      setExtension(one.options, servicePolicy, create(ServicePolicySchema, { callers }));
    }
  }
  const bytes = Buffer.from(toBinary(FileDescriptorSetSchema, set));
  return { hash: contractHash(bytes), base64: bytes.toString('base64') };
}

/** A Service as it could be copied by whoever may read it. */
async function copyOf(shop: string, name: string, namespace: string): Promise<object> {
  const { metadata, spec } = await get<ServiceObject>('service', name, '-n', shop);
  const { labels, annotations } = metadata;
  const { selector, ports } = spec;
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace, name, labels, annotations },
    spec: { selector, ports },
  };
}

interface ServiceObject {
  readonly metadata: { readonly labels?: object; readonly annotations?: object };
  readonly spec: { readonly selector: object; readonly ports: readonly object[] };
}

/** What a user sees, without line breaks and colours. */
async function weftStatus(): Promise<string> {
  const weft = join(import.meta.dirname, '../../packages/cli/src/main.ts');
  const text = await run(process.execPath, [weft, 'status', '--cluster']);
  return stripVTControlCharacters(text).replace(/\s+/g, ' ');
}

clusterTest(
  "a namespace that publishes another's contract, and copies its Service and labels, gains nothing",
  async (t) => {
    const { shop, edge } = await installed(t);
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
      await copyOf(shop, 'orders', namespace),
      await copyOf(shop, 'payments', namespace),
    ]);
    const [original] = await podsOf(shop, 'app.kubernetes.io/name=orders');
    const { 'pod-template-hash': _, ...labels } = original?.metadata.labels ?? {};
    t.truthy(labels['weft.dev/contract']);
    // One with all that orders' own pods have, and one that runs the contract of payments.
    const pod = await runPod(t, { namespace, name: 'orders', serviceAccount: 'orders', labels });
    await runPod(t, {
      namespace,
      name: 'payments',
      serviceAccount: 'payments',
      labels: { ...labels, 'app.kubernetes.io/name': 'payments', 'weft.dev/contract': hash },
    });
    const answer = await waitFor('the refusal', async () => {
      const outcome = await grpcFrom(pod, `http://payments.${shop}`, authorize);
      return outcome.grpcStatus === permissionDenied ? outcome : Promise.reject(new Error(JSON.stringify(outcome)));
    });
    t.regex(answer.message ?? '', /its contract names shop\.orders$/);
    const byAddress = await grpcFrom(pod, `http://payments.${shop}`, authorize, 'shop.payments');
    t.is(byAddress.grpcStatus, permissionDenied, JSON.stringify(byAddress));

    const reason = (name: string) => `namespace ${namespace} may not speak for shop.${name}`;
    const named = [
      ...[wild.hash, hash].map((contract) => `ConfigMap ${namespace}/weft-contract-shop.payments-${contract}`),
      `Workload ${namespace}/payments`,
      `runs contract ${hash}`,
      ...['orders', 'payments'].flatMap((name) => [
        `Service ${namespace}/${name} has the name and the selector of ${shop}/${name}, but ${reason(name)}`,
        `has the labels of ${shop}/${name}, but ${reason(name)}`,
      ]),
      `Workload ${namespace}/orders`,
    ];
    await waitFor('weft status to name all of it', async () => {
      const status = await weftStatus();
      const missing = named.filter((text) => !status.includes(text));
      return missing.length === 0 || Promise.reject(new Error(`${missing.join('\n')}\n${status}`));
    });
    // Ten orders: none of them may reach a pod of the copy.
    for (let turn = 0; turn < 10; turn++) {
      const { order } = await shopAt(edge).orders.placeOrder(goodOrder());
      t.truthy(order?.orderId);
    }
  },
);
