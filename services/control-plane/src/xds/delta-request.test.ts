import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { DeltaDiscoveryRequestSchema } from '@weft/envoy-api/envoy/service/discovery/v3/discovery';
import test from 'ava';
import fc from 'fast-check';
import { decodeDeltaRequest } from './delta-request.ts';
import { typeUrls } from './resource.ts';

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
      const { $typeName: _, $unknown: __, ...expected } = fromBinary(DeltaDiscoveryRequestSchema, bytes);
      const { typeUrl, responseNonce, node, errorDetail, ...lists } = decodeDeltaRequest(bytes);
      t.like({ typeUrl, responseNonce, node, errorDetail, ...lists }, expected);
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
