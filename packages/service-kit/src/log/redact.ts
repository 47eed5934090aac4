import { type DescField, type DescMessage, type MessageShape, toJson } from '@bufbuild/protobuf';
import { type ReflectMessage, reflect, type ScalarValue } from '@bufbuild/protobuf/reflect';
import { DurationSchema, TimestampSchema } from '@bufbuild/protobuf/wkt';
import { isSensitive } from '../sensitive.ts';

/** JSON that may be logged. */
export type Loggable = string | number | boolean | null | readonly Loggable[] | { readonly [name: string]: Loggable };

/** A text of a message, in characters. */
const maxChars = 1_024;

/** Values of a message, at all depths. */
const maxValues = 1_000;

/** How many more values a message may add to the log. */
interface Room {
  values: number;
}

const loggableFields = new WeakMap<DescMessage, readonly DescField[]>();

/**
 * A message as JSON without those fields, at any depth, that its contract marks as sensitive. Bytes become their length, and
 * what is packed in a google.protobuf.Any only its type: nobody can tell what is sensitive in there. Texts end after 1,024 characters
 * and the message after 1,000 values.
 */
export function redact<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): Loggable {
  return redactMessage(reflect(schema, message), { values: maxValues });
}

function redactMessage(message: ReflectMessage, room: Room): Loggable {
  const { desc } = message;
  if (desc.typeName === TimestampSchema.typeName || desc.typeName === DurationSchema.typeName) {
    return JSON.stringify(toJson(desc, message.message)).slice(1, -1);
  }
  const loggable: Record<string, Loggable> = {};
  for (const field of fieldsOf(desc)) {
    if (room.values <= 0) break;
    if (message.isSet(field)) loggable[field.name] = redactField(message, field, room);
  }
  return loggable;
}

function redactField(message: ReflectMessage, field: DescField, room: Room): Loggable {
  switch (field.fieldKind) {
    case 'message':
      return redactMessage(message.get(field), room);
    case 'list': {
      const items: Loggable[] = [];
      for (const item of message.get(field)) {
        if (room.values <= 0) break;
        items.push(redactValue(field, item, room));
      }
      return items;
    }
    case 'map': {
      const entries: Record<string, Loggable> = {};
      for (const [key, value] of message.get(field)) {
        if (room.values <= 0) break;
        entries[cut(String(key))] = redactValue(field, value, room);
      }
      return entries;
    }
    default:
      return redactValue(field, message.get(field), room);
  }
}

function redactValue(field: DescField, value: ScalarValue | ReflectMessage | unknown, room: Room): Loggable {
  room.values--;
  if (field.enum) return field.enum.value[Number(value)]?.name ?? Number(value);
  if (field.message) return redactMessage(value as ReflectMessage, room);
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'string') return cut(value);
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  return null;
}

function cut(text: string): string {
  return text.length <= maxChars ? text : `${text.slice(0, maxChars)}... (${text.length} characters)`;
}

function fieldsOf(desc: DescMessage): readonly DescField[] {
  const known = loggableFields.get(desc);
  if (known) return known;
  const packed = desc.typeName === 'google.protobuf.Any';
  const fields = desc.fields.filter((field) => !isSensitive(field) && !(packed && field.name === 'value'));
  loggableFields.set(desc, fields);
  return fields;
}
