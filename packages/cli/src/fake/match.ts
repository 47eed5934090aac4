import { isDeepStrictEqual } from 'node:util';
import type { DescMessage, JsonObject } from '@bufbuild/protobuf';
import { isObject, type PartialMessage } from './answers.ts';

/**
 * Whether a request, in canonical JSON, has all fields of `wanted` with the same values. Message fields are compared in the same way; lists
 * and maps must be equal.
 */
export function matches(desc: DescMessage, { asWritten, json }: PartialMessage, request: JsonObject): boolean {
  return desc.fields.every((field) => {
    // JSON may use either name.
    const written = asWritten[field.jsonName] ?? asWritten[field.name];
    if (written === undefined || written === null) return true;
    const wanted = json[field.jsonName];
    const actual = request[field.jsonName];
    if (field.fieldKind === 'message' && isObject(written) && isObject(wanted) && isObject(actual)) {
      return field.message.typeName.startsWith('google.protobuf.')
        ? isDeepStrictEqual(wanted, actual)
        : matches(field.message, { asWritten: written, json: wanted }, actual);
    }
    return isDeepStrictEqual(wanted, actual);
  });
}
