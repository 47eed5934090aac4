import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { typeUrls } from '@weft/compiler/envoy/resource';
import { DeltaDiscoveryRequestSchema } from '@weft/envoy-api/envoy/service/discovery/v3/discovery';
import test from 'ava';
import fc from 'fast-check';
import { type DeltaRequest, decodeDeltaRequest } from './delta-request.ts';

const text = fc.string({ unit: 'grapheme', maxLength: 200 });
const requests = fc.record(
  {
    typeUrl: fc.oneof(fc.constantFrom(...Object.values(typeUrls)), text),
    responseNonce: fc.oneof(fc.nat().map(String), text),
    node: fc.record({ id: text }),
    resourceNamesSubscribe: fc.array(text, { maxLength: 3 }),
    resourceNamesUnsubscribe: fc.array(text, { maxLength: 3 }),
    initialResourceVersions: fc.dictionary(text, text, { maxKeys: 3 }),
    errorDetail: fc.record({ message: text }),
  },
  { requiredKeys: [] },
);

test('a request is read as the generated codec reads it, acknowledgement or not', (t) => {
  fc.assert(
    fc.property(requests, (request) => {
      const bytes = toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, request));
      // As text, because a map may have the key "__proto__", which comparisons of objects pass over.
      t.is(textOf(decodeDeltaRequest(bytes)), textOf(fromBinary(DeltaDiscoveryRequestSchema, bytes)));
    }),
  );
});

test('bytes that end too early are no request', (t) => {
  const bytes = toBinary(
    DeltaDiscoveryRequestSchema,
    create(DeltaDiscoveryRequestSchema, { typeUrl: typeUrls.cluster, responseNonce: '17' }),
  );
  t.throws(() => decodeDeltaRequest(bytes.subarray(0, -1)));
});

function textOf(request: DeltaRequest): string {
  const { typeUrl, responseNonce, node, errorDetail, initialResourceVersions } = request;
  const { resourceNamesSubscribe, resourceNamesUnsubscribe } = request;
  const lists = [resourceNamesSubscribe, resourceNamesUnsubscribe, initialResourceVersions];
  return JSON.stringify([typeUrl, responseNonce, node, errorDetail, ...lists]);
}
