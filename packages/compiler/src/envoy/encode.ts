import { hash } from 'node:crypto';
import { type DescMessage, type MessageShape, toBinary } from '@bufbuild/protobuf';
import type { Resource, TypeUrl } from './resource.ts';

let encoded = 0;

/** How many resources this process has encoded. For tests of what a change costs. */
export function encodedCount(): number {
  return encoded;
}

/** Encodes a resource, once for all proxies that get it. Its version is the first 16 hex digits of its body's SHA-256. */
export function encodeResource<Desc extends DescMessage>(
  typeUrl: TypeUrl,
  name: string,
  schema: Desc,
  message: MessageShape<Desc>,
): Resource {
  return encodedResource(typeUrl, name, toBinary(schema, message));
}

/** A resource whose body is encoded already. */
export function encodedResource(typeUrl: TypeUrl, name: string, body: Uint8Array): Resource {
  encoded++;
  const version = hash('sha256', body, 'hex').slice(0, 16);
  return { typeUrl, name, version, body };
}
