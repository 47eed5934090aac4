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
  const { version, resources, typeUrl, nonce, removed } = response;
  const isDelta = variant === 'delta';
  const type = typeField(typeUrl);
  const removedFields = isDelta && removed.length > 0 ? removed.map((name) => textField(6, name)) : [];
  let length = asciiLength(version) + type.length + asciiLength(nonce);
  for (const offer of resources) length += fieldOf(offer, isDelta).length;
  for (const field of removedFields) length += field.length;

  const message = Buffer.allocUnsafe(prefixBytes + length);
  message[0] = 0;
  message.writeUInt32BE(length, 1);
  let at = writeAscii(message, prefixBytes, 1, version);
  for (const offer of resources) {
    for (const part of fieldOf(offer, isDelta).parts) {
      message.set(part, at);
      at += part.length;
    }
  }
  message.set(type, at);
  at = writeAscii(message, at + type.length, 5, nonce);
  for (const field of removedFields) {
    message.set(field, at);
    at += field.length;
  }
  return message;
}

/** gRPC's flags and length, before the message. */
const prefixBytes = 5;

/** A field in parts, so that a large body is copied into messages only, however deep it lies. */
interface Field {
  readonly parts: readonly Uint8Array[];
  readonly length: number;
}

/** A field of up to this size is kept in one part: one copy is cheaper than several. */
const joinedBytes = 1024;

const deltaFields = new WeakMap<Offer, Field>();
const anyFields = new WeakMap<Resource, Field>();
const typeFields = new Map<string, Uint8Array>();

/** Field 2 of a response, which holds one resource. */
function fieldOf(offer: Offer, isDelta: boolean): Field {
  return isDelta ? deltaField(offer) : anyField(offer.resource);
}

function deltaField(offer: Offer): Field {
  let field = deltaFields.get(offer);
  if (field === undefined) {
    const { version, name, resource } = offer;
    field = joined(fieldParts(2, [textField(1, version), ...fieldParts(2, anyOf(resource)), textField(3, name)]));
    deltaFields.set(offer, field);
  }
  return field;
}

function anyField(resource: Resource): Field {
  let field = anyFields.get(resource);
  if (field === undefined) {
    field = joined(fieldParts(2, anyOf(resource)));
    anyFields.set(resource, field);
  }
  return field;
}

function joined(parts: readonly Uint8Array[]): Field {
  const length = lengthOf(parts);
  return { parts: length > joinedBytes ? parts : [Buffer.concat(parts)], length };
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

/** The bytes of a field of at most 127 ASCII characters: all that is made anew for each response. */
function asciiLength(text: string): number {
  // proto3 leaves out what is empty.
  return text === '' ? 0 : 2 + text.length;
}

/** Writes such a field, and returns where it ends. */
function writeAscii(message: Buffer, start: number, number: number, text: string): number {
  if (text === '') return start;
  let at = start;
  message[at++] = (number << 3) | 2;
  message[at++] = text.length;
  for (let index = 0; index < text.length; index++) message[at++] = text.charCodeAt(index);
  return at;
}

function textField(number: number, text: string): Uint8Array {
  return text === '' ? empty : Buffer.concat(fieldParts(number, [Buffer.from(text, 'utf8')]));
}

const empty = new Uint8Array(0);

/** A field of wire type 2: tag, length, content. */
function fieldParts(number: number, content: readonly Uint8Array[]): Uint8Array[] {
  return [header(number, lengthOf(content)), ...content];
}

function lengthOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
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
