/**
 * What delivery costs without a network: many delta streams whose output goes nowhere, and an endpoint change that concerns all of
 * them. Timed from the notice of the change to the last encoded message, and then for the acknowledgements. The baseline copies
 * the bytes of each message once.
 */
import { create, toBinary } from '@bufbuild/protobuf';
import { type Resource, typeUrls, type View, type ViewChange, type ViewSource } from '@weft/compiler/envoy/resource';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import { DeltaDiscoveryRequestSchema } from '@weft/envoy-api/envoy/service/discovery/v3/discovery';
import { createDelivery } from '../services/control-plane/src/xds/delivery.ts';
import type { DeliveryStream } from '../services/control-plane/src/xds/delivery-stream.ts';
import { cluster, resourceOf } from '../services/control-plane/src/xds/testing/resources.ts';
import { quantile } from './pairs.ts';

const streams = Number(process.env.CLIENTS ?? 200);
const names = Array.from({ length: Number(process.env.CLUSTERS ?? 100) }, (_, index) => `outbound|shop/s${index}`);
const rounds = Number(process.env.ROUNDS ?? 400);

const clusters = new Map(names.map((name) => [name, cluster(name)]));
const endpoints = new Map(names.map((name) => [name, endpointsOf(name, 0)]));
const view: View = {
  get: (typeUrl, name) => partOf(typeUrl)?.get(name),
  names: (typeUrl) => partOf(typeUrl)?.keys() ?? [],
};
let tell: (changes: readonly ViewChange[]) => void = () => {};
const views: ViewSource = {
  open() {},
  close() {},
  view: () => view,
  onChange(listener) {
    tell = listener;
    return () => {};
  },
};

function partOf(typeUrl: string): ReadonlyMap<string, Resource> | undefined {
  return typeUrl === typeUrls.cluster ? clusters : typeUrl === typeUrls.endpoints ? endpoints : undefined;
}

function endpointsOf(name: string, round: number): Resource {
  return resourceOf(typeUrls.endpoints, name, Buffer.alloc(300, `${name} ${round}`));
}

const delivery = createDelivery({ views });
const ids = Array.from({ length: streams }, (_, index): WorkloadId => `shop/p${index}`);
/** What each stream wrote last. */
const written = new Map<WorkloadId, Uint8Array>();
const opened = new Map<WorkloadId, DeliveryStream>();
for (const id of ids) {
  const stream = delivery.open(id, 'delta', {
    write(framed) {
      written.set(id, framed);
      return true;
    },
    end: (code, message) => {
      throw new Error(`${code}: ${message}`);
    },
  });
  opened.set(id, stream);
  stream.receive(request({ typeUrl: typeUrls.cluster, node: { id } }));
  stream.receive(request({ typeUrl: typeUrls.cluster, responseNonce: '1' }));
  stream.receive(request({ typeUrl: typeUrls.endpoints, resourceNamesSubscribe: [...names] }));
  stream.receive(request({ typeUrl: typeUrls.endpoints, responseNonce: '2' }));
}

const found = { push: [] as number[], ack: [] as number[], copy: [] as number[] };
for (let round = 0; round < rounds; round++) {
  const name = names[round % names.length] ?? '';
  endpoints.set(name, endpointsOf(name, round + 1));
  written.clear();
  const nonce = `${round + 3}`;
  const start = process.hrtime.bigint();
  tell([{ proxies: ids, names: new Map([[typeUrls.endpoints, [name]]]) }]);
  while (written.size < streams) await new Promise(setImmediate);
  found.push.push(Number(process.hrtime.bigint() - start) / streams);

  const ack = request({ typeUrl: typeUrls.endpoints, responseNonce: nonce });
  const acking = process.hrtime.bigint();
  for (const stream of opened.values()) stream.receive(ack);
  found.ack.push(Number(process.hrtime.bigint() - acking) / streams);

  const copying = process.hrtime.bigint();
  for (const [id, framed] of written) written.set(id, Buffer.from(framed));
  found.copy.push(Number(process.hrtime.bigint() - copying) / streams);
}
for (const [what, ns] of Object.entries(found))
  console.log(`  ${what}: p50 ${quantile(ns, 0.5).toFixed(0)} ns a stream`);
const both = quantile(found.push, 0.5) + quantile(found.ack, 0.5);
console.log(`ratio delivery/copy ${(both / quantile(found.copy, 0.5)).toFixed(1)}`);

function request(fields: Parameters<typeof create<typeof DeltaDiscoveryRequestSchema>>[1]): Uint8Array {
  return toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, fields));
}
