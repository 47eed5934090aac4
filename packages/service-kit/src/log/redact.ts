import { type DescField, type DescMessage, type MessageShape, toJson } from '@bufbuild/protobuf';
import { type ReflectMessage, reflect, type ScalarValue } from '@bufbuild/protobuf/reflect';
import { DurationSchema, TimestampSchema } from '@bufbuild/protobuf/wkt';
import { isSensitive } from '../sensitive.ts';

/** JSON that may be logged. */
export type Loggable = string | number | boolean | null | readonly Loggable[] | { readonly [name: string]: Loggable };

const loggableFields = new WeakMap<DescMessage, readonly DescField[]>();

/**
 * A message as JSON without those fields, at any depth, that its contract marks as sensitive. Bytes become their length, and
 * what is packed in a google.protobuf.Any only its type: nobody can tell what is sensitive in there.
 */
export function redact<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): Loggable {
  return redactMessage(reflect(schema, message));
}

function redactMessage(message: ReflectMessage): Loggable {
  const { desc } = message;
  if (desc.typeName === TimestampSchema.typeName || desc.typeName === DurationSchema.typeName) {
    return JSON.stringify(toJson(desc, message.message)).slice(1, -1);
  }
  const loggable: Record<string, Loggable> = {};
  for (const field of fieldsOf(desc)) {
    if (message.isSet(field)) loggable[field.name] = redactField(message, field);
  }
  return loggable;
}

function redactField(message: ReflectMessage, field: DescField): Loggable {
  switch (field.fieldKind) {
    case 'message':
      return redactMessage(message.get(field));
    case 'list': {
      const items: Loggable[] = [];
      for (const item of message.get(field)) items.push(redactValue(field, item));
      return items;
    }
    case 'map': {
      const entries: Record<string, Loggable> = {};
      for (const [key, value] of message.get(field)) entries[String(key)] = redactValue(field, value);
      return entries;
    }
    default:
      return redactValue(field, message.get(field));
  }
}

function redactValue(field: DescField, value: ScalarValue | ReflectMessage | unknown): Loggable {
  if (field.enum) return field.enum.value[Number(value)]?.name ?? Number(value);
  if (field.message) return redactMessage(value as ReflectMessage);
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  return null;
}

function fieldsOf(desc: DescMessage): readonly DescField[] {
  const known = loggableFields.get(desc);
  if (known) return known;
  const packed = desc.typeName === 'google.protobuf.Any';
  const fields = desc.fields.filter((field) => !isSensitive(field) && !(packed && field.name === 'value'));
  loggableFields.set(desc, fields);
  return fields;
}
