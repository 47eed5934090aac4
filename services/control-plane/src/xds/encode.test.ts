import { create, toBinary } from '@bufbuild/protobuf';
import { typeUrls } from '@weft/compiler/envoy/resource';
import {
  DeltaDiscoveryResponseSchema,
  DiscoveryResponseSchema,
} from '@weft/envoy-api/envoy/service/discovery/v3/discovery';
import test from 'ava';
import fc from 'fast-check';
import { encodeResponse } from './encode.ts';
import { offerOf } from './offer.ts';
import type { XdsResponse } from './stream-state.ts';
import { resourceOf, snapshotOf } from './testing/resources.ts';
import { TestView } from './testing/views.ts';

const names = fc.uniqueArray(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }), { maxLength: 4 });
const bodies = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  // Lengths on both sides of where a varint grows.
  fc.constantFrom(127, 128, 16_383, 16_384).map((length) => new Uint8Array(length).fill(7)),
);

const responses = fc
  .record({
    typeUrl: fc.constantFrom(...Object.values(typeUrls)),
    nonce: fc.nat().map(String),
    version: fc.string({ maxLength: 16 }),
    named: names.chain((list) => fc.tuple(...list.map((name) => fc.tuple(fc.constant(name), bodies)))),
    removed: names,
  })
  .map(({ typeUrl, nonce, version, named, removed }): XdsResponse => {
    const all = named.map(([name, body]) => resourceOf(typeUrl, name, body));
    const view = new TestView(snapshotOf(all));
    const resources = all.flatMap(({ name }) => offerOf(view, typeUrl, name, undefined) ?? []);
    return { typeUrl, nonce, version, resources, removed };
  });

test('a delta response is what the generated codec makes of it', (t) => {
  fc.assert(
    fc.property(responses, (response) => {
      const message = create(DeltaDiscoveryResponseSchema, {
        systemVersionInfo: response.version,
        resources: response.resources.map(({ name, version, resource }) => ({
          name,
          version,
          resource: { typeUrl: resource.typeUrl, value: resource.body },
        })),
        typeUrl: response.typeUrl,
        removedResources: [...response.removed],
        nonce: response.nonce,
      });
      return unframed(encodeResponse('delta', response)).equals(toBinary(DeltaDiscoveryResponseSchema, message));
    }),
  );
  t.pass();
});

test('a state-of-the-world response is what the generated codec makes of it', (t) => {
  fc.assert(
    fc.property(responses, (response) => {
      const message = create(DiscoveryResponseSchema, {
        versionInfo: response.version,
        resources: response.resources.map(({ resource }) => ({ typeUrl: resource.typeUrl, value: resource.body })),
        typeUrl: response.typeUrl,
        nonce: response.nonce,
      });
      return unframed(encodeResponse('sotw', response)).equals(toBinary(DiscoveryResponseSchema, message));
    }),
  );
  t.pass();
});

/** The message of a gRPC frame, whose length must be right. */
function unframed(framed: Buffer): Buffer {
  if (framed[0] !== 0 || framed.readUInt32BE(1) !== framed.length - 5) throw new Error('the frame is wrong');
  return framed.subarray(5);
}
