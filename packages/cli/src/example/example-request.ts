import {
  type DescField,
  type DescMessage,
  getOption,
  hasOption,
  type JsonObject,
  type JsonValue,
} from '@bufbuild/protobuf';
import { field as fieldOption, oneof as oneofOption } from '@weft/policy/buf/validate/validate';
import { exampleValue, type Rules, said } from './example-value.ts';

/** Deeper messages are left out unless required, to keep an example readable. */
const maxDepth = 4;

const wellKnownMessages: Readonly<Record<string, JsonValue>> = {
  'google.protobuf.Timestamp': '2030-01-01T00:00:00Z',
  'google.protobuf.Duration': '1s',
  'google.protobuf.FieldMask': '',
  'google.protobuf.Empty': {},
  'google.protobuf.Struct': {},
  'google.protobuf.Value': 'some-value',
};

/**
 * An example request in protobuf JSON: the plain fields of a message and whatever its buf.validate rules require, with values that satisfy
 * simple rules. Large optional fields are left out. `replaced`: values for fields by their proto name.
 */
export function exampleRequest(message: DescMessage, replaced: Readonly<Record<string, JsonValue>> = {}): JsonObject {
  return exampleMessage(message, replaced, 0);
}

function exampleMessage(
  message: DescMessage,
  replaced: Readonly<Record<string, JsonValue>>,
  depth: number,
): JsonObject {
  const example: JsonObject = {};
  for (const field of message.fields) {
    const value = replaced[field.name] ?? fieldExample(field, depth);
    if (value !== undefined) example[field.jsonName] = value;
  }
  return example;
}

function fieldExample(field: DescField, depth: number): JsonValue | undefined {
  const rules = hasOption(field, fieldOption) ? getOption(field, fieldOption) : undefined;
  const required = rules?.required === true;
  if (field.oneof) {
    const oneofRequired = hasOption(field.oneof, oneofOption) && getOption(field.oneof, oneofOption).required === true;
    if (!required && !(oneofRequired && field.oneof.fields[0] === field)) return undefined;
    return single(field, rules, depth);
  }
  switch (field.fieldKind) {
    case 'list': {
      const count = rules?.type.case === 'repeated' ? Number(said(rules.type.value, 'minItems') ?? 0n) : 0;
      if (count === 0 && !required) return undefined;
      const items = rules?.type.case === 'repeated' ? rules.type.value.items : undefined;
      const item = single(field, items, depth);
      return item === undefined ? undefined : Array.from({ length: Math.max(1, count) }, () => item);
    }
    case 'map':
      return undefined;
    case 'message':
      return required ? single(field, rules, depth) : undefined;
    default: {
      // A field with explicit presence is optional, and a token comes from an earlier response.
      if (!required && (field.proto.proto3Optional || (pagination.test(field.name) && !refusesZero(rules)))) {
        return undefined;
      }
      return single(field, rules, depth);
    }
  }
}

const pagination = /(^|_)page_(token|size)$/;

/** Whether the rules require the field. */
function refusesZero(rules: Rules): boolean {
  const type = rules?.type;
  if (type?.case === 'string') return (said(type.value, 'minLen') ?? said(type.value, 'len') ?? 0n) > 0n;
  return type?.value !== undefined && 'greaterThan' in type.value && type.value.greaterThan.case !== undefined;
}

function single(field: DescField, rules: Rules, depth: number): JsonValue | undefined {
  if (!field.message) return exampleValue(field, rules);
  if (depth >= maxDepth) return undefined;
  return wellKnownMessages[field.message.typeName] ?? exampleMessage(field.message, {}, depth + 1);
}
