import {
  type DescField,
  type DescMessage,
  fromBinary,
  isMessage,
  type Message,
  type Registry,
  ScalarType,
} from '@bufbuild/protobuf';
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { type Any, AnySchema, FeatureSet_FieldPresence } from '@bufbuild/protobuf/wkt';
import { isSensitive } from '../sensitive.ts';

/** A message within an Any deeper than this is taken as bytes. */
const maxAnyDepth = 16;

/**
 * The same bytes for all ways to send the same request, and other bytes for any other request. It does not matter in which protocol and
 * order fields and map entries come, whether numbers are packed, which zero and which NaN a float is, and whether a field without presence
 * is absent or has its default. What a field with presence holds differs from its absence. An Any counts by what it holds if its type is in
 * `types`, else by its bytes.
 *
 * Sensitive fields are left out, and so are unknown fields and extensions: the service does not act on them, JSON does not carry them, and
 * nobody can tell whether they are sensitive.
 */
export function canonicalForm(schema: DescMessage, message: Message, types: Registry): Uint8Array {
  return new CanonicalWriter(types).message(reflect(schema, message), 0);
}

class CanonicalWriter {
  readonly #types: Registry;

  constructor(types: Registry) {
    this.#types = types;
  }

  message(message: ReflectMessage, anyDepth: number): Uint8Array {
    if (isMessage(message.message, AnySchema)) return this.#any(message.message, anyDepth);
    const writer = new BinaryWriter();
    for (const field of [...message.desc.fields].sort((a, b) => a.number - b.number)) {
      if (isSensitive(field) || !message.isSet(field)) continue;
      const value = this.#field(message, field, anyDepth);
      if (value) writer.uint32(field.number).bytes(value);
    }
    return writer.finish();
  }

  #field(message: ReflectMessage, field: DescField, anyDepth: number): Uint8Array | undefined {
    switch (field.fieldKind) {
      case 'message':
        return this.message(message.get(field), anyDepth);
      case 'list':
        return concat([...message.get(field)].map((value) => this.#value(field, field.scalar, value, anyDepth)));
      case 'map': {
        const entries = [...message.get(field)].map(([key, value]) =>
          concat([this.#value(field, field.mapKey, key, anyDepth), this.#value(field, field.scalar, value, anyDepth)]),
        );
        return concat(entries.sort(Buffer.compare));
      }
      default: {
        const value: unknown = message.get(field);
        // Minus zero has bits of its own, so that it is sent where zero is not.
        if (value === 0 && field.presence === FeatureSet_FieldPresence.IMPLICIT) return undefined;
        return this.#value(field, field.scalar, value, anyDepth);
      }
    }
  }

  /** A value of a list or map can be a message. */
  #value(field: DescField, scalar: ScalarType | undefined, value: unknown, anyDepth: number): Uint8Array {
    if (isReflected(value)) return this.message(value, anyDepth);
    const writer = new BinaryWriter();
    switch (typeof value) {
      case 'string':
        return writer.string(value).finish();
      case 'boolean':
        return writer.bool(value).finish();
      case 'bigint':
        return writer.string(value.toString()).finish();
      case 'number':
        return scalar === ScalarType.DOUBLE || scalar === ScalarType.FLOAT
          ? float(value)
          : writer.string(String(value)).finish();
    }
    if (value instanceof Uint8Array) return writer.bytes(value).finish();
    throw new TypeError(`${field.toString()} holds a ${typeof value}`);
  }

  #any({ typeUrl, value }: Any, anyDepth: number): Uint8Array {
    const typeName = typeUrl.slice(typeUrl.lastIndexOf('/') + 1);
    const schema = anyDepth < maxAnyDepth ? this.#types.getMessage(typeName) : undefined;
    const writer = new BinaryWriter().string(typeName);
    let held: Message | undefined;
    try {
      held = schema && schema.typeName !== AnySchema.typeName ? fromBinary(schema, value) : undefined;
    } catch {
      // Not what it says: its bytes count.
    }
    const inner = held && schema ? this.message(reflect(schema, held), anyDepth + 1) : value;
    return writer.bytes(inner).finish();
  }
}

function isReflected(value: unknown): value is ReflectMessage {
  return typeof value === 'object' && value !== null && 'desc' in value && 'isSet' in value;
}

function float(value: number): Uint8Array {
  if (Number.isNaN(value)) return Buffer.from('NaN');
  return new BinaryWriter().double(value === 0 ? 0 : value).finish();
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const writer = new BinaryWriter().uint32(parts.length);
  for (const part of parts) writer.bytes(part);
  return writer.finish();
}
