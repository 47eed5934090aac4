import { createHash } from 'node:crypto';
import type { DescField, DescMessage, DescMethod, Message, Registry } from '@bufbuild/protobuf';
import { reflect } from '@bufbuild/protobuf/reflect';
import { Code } from '@connectrpc/connect';
import type { Call } from '../current-call.ts';
import { messageTypes } from '../message-types.ts';
import { ServiceError } from '../service-error.ts';
import { callerScope } from './caller-scope.ts';
import { canonicalForm } from './canonical-form.ts';
import { idempotencyKeyOf } from './keyed.ts';

/** What tells a repeat from another request. */
export interface RequestIdentity {
  /** As {@link callerScope} says. */
  readonly caller: string;
  /** bakery.orders.v1.OrderService/PlaceOrder */
  readonly method: string;
  /** Chosen by the caller. */
  readonly key: string;
  /** SHA-256 of the request's {@link canonicalForm}, which has no sensitive fields: a short one could be found by trying. */
  readonly requestHash: Buffer;
}

const typesOfInputs = new WeakMap<DescMessage, Registry>();
const keyFields = new WeakMap<DescMethod, readonly DescField[]>();

/**
 * Who asks for what, by the request field that the contract names in idempotency_key. `subject`: the authenticated end user.
 *
 * @throws ServiceError INVALID_ARGUMENT for an empty key; TypeError when the contract names no string field.
 */
export function identify(call: Call, request: Message, subject?: string): RequestIdentity {
  const { method } = call;
  const key = demandKey(method, request);
  return {
    caller: callerScope(call, subject),
    method: `${method.parent.typeName}/${method.name}`,
    key,
    requestHash: hashOf(method, request),
  };
}

/**
 * The key in a request of a method whose contract names its field.
 *
 * @throws ServiceError INVALID_ARGUMENT for an empty key.
 */
export function demandKey(method: DescMethod, request: Message): string {
  const key = keyOf(method, request);
  if (key !== '') return key;
  throw new ServiceError(Code.InvalidArgument, `${method.name}: ${pathOf(method)} must not be empty`);
}

function hashOf({ input }: DescMethod, request: Message): Buffer {
  let types = typesOfInputs.get(input);
  if (!types) {
    types = messageTypes([input.file]);
    typesOfInputs.set(input, types);
  }
  return createHash('sha256')
    .update(canonicalForm(input, request, types))
    .digest();
}

/** A key for a call onward: the same for the same request and step, whoever makes it and however often. */
export function deriveKey(identity: RequestIdentity, step: string): string {
  const { caller, method, key } = identity;
  return createHash('sha256')
    .update(JSON.stringify([caller, method, key, step]))
    .digest('base64url');
}

function keyOf(method: DescMethod, request: Message): string {
  let message = reflect(method.input, request);
  for (const field of fieldsOf(method)) {
    if (field.fieldKind === 'message') {
      if (!message.isSet(field)) return '';
      message = message.get(field);
    } else {
      const value: unknown = field.fieldKind === 'scalar' ? message.get(field) : undefined;
      if (typeof value === 'string') return value;
    }
  }
  throw new TypeError(`${method.name}: idempotency_key "${pathOf(method)}" must name a string field`);
}

function fieldsOf(method: DescMethod): readonly DescField[] {
  const known = keyFields.get(method);
  if (known) return known;
  const fields: DescField[] = [];
  let { input } = method;
  for (const name of pathOf(method).split('.')) {
    const field = input.fields.find((candidate) => candidate.name === name);
    if (!field) throw new TypeError(`${method.name}: idempotency_key names ${name}, which ${input.typeName} has not`);
    fields.push(field);
    if (field.fieldKind === 'message') input = field.message;
  }
  keyFields.set(method, fields);
  return fields;
}

function pathOf(method: DescMethod): string {
  const path = idempotencyKeyOf(method);
  if (!path) throw new TypeError(`${method.name}: its contract sets no (weft.policy.v1.method).idempotency_key`);
  return path;
}
