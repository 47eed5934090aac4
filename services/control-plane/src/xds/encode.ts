import type { Resource } from '@weft/compiler/envoy/resource';
import type { Offer } from './offer.ts';
import type { StreamState, XdsResponse } from './stream-state.ts';

/**
 * Responses of ADS as framed gRPC messages, put together from bytes that are made once for each resource and shared by all
 * streams. What differs between streams (nonce, version of the whole) is a few bytes around them.
 *
 * The layout is that of envoy.service.discovery.v3.DeltaDiscoveryResponse and DiscoveryResponse, fields in the order of their
 * numbers, so that the result equals the generated codec's byte for byte.
 */
export function encodeResponse(variant: StreamState['variant'], response: XdsResponse): Buffer {
  const isDelta = variant === 'delta';
  const parts: Uint8Array[] = [];
  parts.push(asciiField(1, response.version));
  for (const offer of response.resources) parts.push(...(isDelta ? deltaField(offer) : anyField(offer.resource)));
  parts.push(typeField(response.typeUrl), asciiField(5, response.nonce));
  if (isDelta) for (const name of response.removed) parts.push(textField(6, name));
  return framed(parts);
}

/** One message: gRPC's flags and length, then the parts. */
function framed(parts: readonly Uint8Array[]): Buffer {
  let length = 0;
  for (const part of parts) length += part.length;
  const message = Buffer.allocUnsafe(prefixBytes + length);
  message[0] = 0;
  message.writeUInt32BE(length, 1);
  let at = prefixBytes;
  for (const part of parts) {
    message.set(part, at);
    at += part.length;
  }
  return message;
}

const prefixBytes = 5;

const deltaFields = new WeakMap<Offer, readonly Uint8Array[]>();
const anyFields = new WeakMap<Resource, readonly Uint8Array[]>();
const typeFields = new Map<string, Uint8Array>();

/** Field 2 of a DeltaDiscoveryResponse, in parts. */
function deltaField(offer: Offer): readonly Uint8Array[] {
  let field = deltaFields.get(offer);
  if (field === undefined) {
    const { version, name, resource } = offer;
    field = fieldParts(2, [textField(1, version), ...fieldParts(2, anyOf(resource)), textField(3, name)]);
    deltaFields.set(offer, field);
  }
  return field;
}

/** Field 2 of a DiscoveryResponse, in parts. */
function anyField(resource: Resource): readonly Uint8Array[] {
  let field = anyFields.get(resource);
  if (field === undefined) {
    field = fieldParts(2, anyOf(resource));
    anyFields.set(resource, field);
  }
  return field;
}

/** Field 4 of both. */
function typeField(typeUrl: string): Uint8Array {
  let field = typeFields.get(typeUrl);
  if (field === undefined) {
    field = textField(4, typeUrl);
    typeFields.set(typeUrl, field);
  }
  return field;
}

/** The content of a google.protobuf.Any, in parts. */
function anyOf({ typeUrl, body }: Resource): Uint8Array[] {
  return body.length === 0 ? [textField(1, typeUrl)] : [textField(1, typeUrl), ...fieldParts(2, [body])];
}

/** A short field of ASCII: all that is made anew for each response. */
function asciiField(number: number, text: string): Uint8Array {
  if (text === '') return empty;
  const field = Buffer.allocUnsafe(2 + text.length);
  field[0] = (number << 3) | 2;
  field[1] = text.length;
  field.write(text, 2, 'latin1');
  return field;
}

function textField(number: number, text: string): Uint8Array {
  // proto3 leaves out what is empty.
  return text === '' ? empty : Buffer.concat(fieldParts(number, [Buffer.from(text, 'utf8')]));
}

const empty = new Uint8Array(0);

/** A field of wire type 2: tag, length, content. In parts, so that a large body is copied into messages only, however deep it lies. */
function fieldParts(number: number, content: readonly Uint8Array[]): Uint8Array[] {
  const length = content.reduce((sum, part) => sum + part.length, 0);
  return [header(number, length), ...content];
}

function header(number: number, length: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(6);
  let at = 0;
  bytes[at++] = (number << 3) | 2;
  let rest = length;
  for (; rest > 0x7f; rest >>>= 7) bytes[at++] = (rest & 0x7f) | 0x80;
  bytes[at++] = rest;
  return bytes.subarray(0, at);
}
