import { fromBinary } from '@bufbuild/protobuf';
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryRequestSchema,
} from '@weft/envoy-api/envoy/service/discovery/v3/discovery';

/** What is read of a DeltaDiscoveryRequest. */
export type DeltaRequest = Pick<
  DeltaDiscoveryRequest,
  | 'node'
  | 'typeUrl'
  | 'resourceNamesSubscribe'
  | 'resourceNamesUnsubscribe'
  | 'initialResourceVersions'
  | 'responseNonce'
  | 'errorDetail'
>;

/** Decodes a request; throws when it is none. */
export function decodeDeltaRequest(message: Uint8Array): DeltaRequest {
  return readAcknowledgement(message) ?? fromBinary(DeltaDiscoveryRequestSchema, message);
}

const { typeUrl, responseNonce } = DeltaDiscoveryRequestSchema.field;
const typeUrlTag = (typeUrl.number << 3) | 2;
const nonceTag = (responseNonce.number << 3) | 2;

const nothing: DeltaRequest = {
  typeUrl: '',
  resourceNamesSubscribe: [],
  resourceNamesUnsubscribe: [],
  initialResourceVersions: {},
  responseNonce: '',
};

/**
 * Nearly every request is an acknowledgement, which is two short strings: read here without the generated codec's general ways.
 * Undefined: there is more in it.
 */
function readAcknowledgement(message: Uint8Array): DeltaRequest | undefined {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  const read = { ...nothing };
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at];
    const length = bytes[at + 1] ?? 0x80;
    const end = at + 2 + length;
    if (length > 0x7f || end > bytes.length) return undefined;
    const text = bytes.toString('utf8', at + 2, end);
    if (tag === typeUrlTag) read.typeUrl = text;
    else if (tag === nonceTag) read.responseNonce = text;
    else return undefined;
    at = end;
  }
  return read;
}
