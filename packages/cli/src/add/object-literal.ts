import { type DescField, type DescMessage, type JsonObject, ScalarType } from '@bufbuild/protobuf';

/** The scalars that protobuf-es and protobuf JSON represent alike. */
const alike: ReadonlySet<ScalarType> = new Set([
  ScalarType.STRING,
  ScalarType.BOOL,
  ScalarType.INT32,
  ScalarType.UINT32,
  ScalarType.SINT32,
  ScalarType.FIXED32,
  ScalarType.SFIXED32,
  ScalarType.FLOAT,
  ScalarType.DOUBLE,
]);

/**
 * The TypeScript of a message's initial value: "{ flour: 'rye' }". Undefined: a value of `json`, its protobuf JSON, is not a plain scalar,
 * so TypeScript writes it in another way.
 */
export function objectLiteral(message: DescMessage, json: JsonObject): string | undefined {
  const members: string[] = [];
  for (const field of message.fields) {
    const value = json[field.jsonName];
    if (value === undefined) continue;
    if (!isAlike(field)) return undefined;
    members.push(`${field.localName}: ${typeof value === 'string' ? quoted(value) : String(value)}`);
  }
  return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`;
}

function isAlike(field: DescField): boolean {
  return field.fieldKind === 'scalar' && field.oneof === undefined && alike.has(field.scalar);
}

function quoted(text: string): string {
  return /['\\\p{Cc}]/u.test(text) ? JSON.stringify(text) : `'${text}'`;
}
