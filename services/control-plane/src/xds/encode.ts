import type { Offer } from './offer.ts';
import type { Resource } from './resource.ts';
import type { StreamState, XdsResponse } from './stream.ts';

/**
 * Responses of ADS as framed gRPC messages, put together from bytes that are made once for each resource and shared by all
 * streams. What differs between streams (nonce, version of the whole) is a few bytes around them.
 *
 * The layout is that of envoy.service.discovery.v3.DeltaDiscoveryResponse and DiscoveryResponse, fields in the order of their
 * numbers, so that the result equals the generated codec's byte for byte.
 */
export function encodeResponse(variant: StreamState['variant'], response: XdsResponse): Buffer {
  const parts: Uint8Array[] = [prefixSpace, textField(1, response.version)];
  if (variant === 'delta') for (const offer of response.resources) parts.push(deltaField(offer));
  else for (const { resource } of response.resources) parts.push(anyField(resource));
  parts.push(textField(4, response.typeUrl), textField(5, response.nonce));
  if (variant === 'delta') for (const name of response.removed) parts.push(textField(6, name));
  const framed = Buffer.concat(parts);
  framed[0] = 0;
  framed.writeUInt32BE(framed.length - prefixSpace.length, 1);
  return framed;
}

/** Where gRPC's flags and length go. */
const prefixSpace = new Uint8Array(5);

const deltaFields = new WeakMap<Offer, Uint8Array>();
const anyFields = new WeakMap<Resource, Uint8Array>();

/** Field 2 of a DeltaDiscoveryResponse. */
function deltaField(offer: Offer): Uint8Array {
  let field = deltaFields.get(offer);
  if (field === undefined) {
    const { version, name, resource } = offer;
    const any = fieldParts(2, anyOf(resource));
    field = Buffer.concat(fieldParts(2, [textField(1, version), ...any, textField(3, name)]));
    deltaFields.set(offer, field);
  }
  return field;
}

/** Field 2 of a DiscoveryResponse. */
function anyField(resource: Resource): Uint8Array {
  let field = anyFields.get(resource);
  if (field === undefined) {
    field = Buffer.concat(fieldParts(2, anyOf(resource)));
    anyFields.set(resource, field);
  }
  return field;
}

/** The content of a google.protobuf.Any, in parts. */
function anyOf({ typeUrl, body }: Resource): Uint8Array[] {
  return body.length === 0 ? [textField(1, typeUrl)] : [textField(1, typeUrl), ...fieldParts(2, [body])];
}

function textField(number: number, text: string): Uint8Array {
  // proto3 leaves out what is empty.
  return text === '' ? empty : Buffer.concat(fieldParts(number, [Buffer.from(text, 'utf8')]));
}

const empty = new Uint8Array(0);

/** A field of wire type 2: tag, length, content. In parts, so that a large body is copied once however deep it lies. */
function fieldParts(number: number, content: readonly Uint8Array[]): Uint8Array[] {
  const length = content.reduce((sum, part) => sum + part.length, 0);
  return [Uint8Array.of((number << 3) | 2), varint(length), ...content];
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
  return Uint8Array.from(bytes);
}
