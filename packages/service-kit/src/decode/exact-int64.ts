import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { GrpcError, grpcCode } from '../grpc/status.ts';
import { endOfNumber, endOfString } from './json-limits.ts';

/** What the contract expects where a value stands in JSON. */
type Expected =
  | { readonly kind: 'int64' }
  /** Of a type that the text itself names: google.protobuf.Any. */
  | { readonly kind: 'unknown' }
  /** A value that JSON.parse reads as it should. */
  | { readonly kind: 'other' }
  | { readonly kind: 'message'; readonly fields: ReadonlyMap<string, DescField> }
  | { readonly kind: 'elements'; readonly of: Expected };

const int64: Expected = { kind: 'int64' };
const other: Expected = { kind: 'other' };
const unknown: Expected = { kind: 'unknown' };

const longTypes: ReadonlySet<ScalarType> = new Set([
  ScalarType.INT64,
  ScalarType.UINT64,
  ScalarType.SINT64,
  ScalarType.FIXED64,
  ScalarType.SFIXED64,
]);

/**
 * Rewrites the JSON of a message so that its 64-bit integers survive JSON.parse: `9007199254740993` becomes `"9007199254740993"`, which
 * protobuf's JSON means as the same. Throws GrpcError INVALID_ARGUMENT for what is not JSON, and for an integer in a google.protobuf.Any that a
 * double cannot hold.
 */
export function exactInt64s(schema: DescMessage, text: string): string {
  try {
    JSON.parse(text);
  } catch (cause) {
    throw new GrpcError(grpcCode.invalidArgument, `the request is not JSON of a ${schema.typeName}`, { cause });
  }
  return new Rewrite(text).whole(expectMessage(schema));
}

/** Walks over text that is known to be JSON. */
class Rewrite {
  readonly #text: string;
  readonly #pieces: string[] = [];
  #at = 0;
  #copied = 0;

  constructor(text: string) {
    this.#text = text;
  }

  whole(expected: Expected): string {
    this.#value(expected);
    this.#pieces.push(this.#text.slice(this.#copied));
    return this.#pieces.join('');
  }

  #value(expected: Expected): void {
    const char = this.#peek();
    if (char === '{') this.#members(expected);
    else if (char === '[') this.#list(expected);
    else if (char === '"') this.#at = endOfString(this.#text, this.#at) + 1;
    else if (char === 't' || char === 'n') this.#at += 4;
    else if (char === 'f') this.#at += 5;
    else this.#number(expected);
  }

  #members(expected: Expected): void {
    this.#at++;
    while (this.#peek() !== '}') {
      if (this.#peek() === ',') this.#at++;
      this.#peek();
      const end = endOfString(this.#text, this.#at) + 1;
      const name = this.#text.slice(this.#at, end);
      this.#at = end;
      this.#peek();
      this.#at++; // The colon.
      this.#value(memberOf(expected, name));
    }
    this.#at++;
  }

  #list(expected: Expected): void {
    const of = expected.kind === 'elements' ? expected.of : expected.kind === 'unknown' ? unknown : other;
    this.#at++;
    while (this.#peek() !== ']') {
      if (this.#peek() === ',') this.#at++;
      this.#value(of);
    }
    this.#at++;
  }

  #number({ kind }: Expected): void {
    const start = this.#at;
    this.#at = endOfNumber(this.#text, start);
    if (kind !== 'int64' && kind !== 'unknown') return;
    const literal = this.#text.slice(start, this.#at);
    const value = Number(literal);
    // One that a double holds exactly is left alone. Rounding can also take away a fraction or leave the range of safe integers.
    if (Number.isSafeInteger(value) && literal === String(value)) return;
    const exact = exactInteger(literal);
    if (kind === 'unknown') {
      if (exact === undefined || Number.isSafeInteger(value) || BigInt(value).toString() === exact) return;
      throw new GrpcError(
        grpcCode.invalidArgument,
        `${literal.slice(0, 40)} must be a string: a number cannot hold it`,
      );
    }
    this.#pieces.push(this.#text.slice(this.#copied, start), JSON.stringify(exact ?? literal));
    this.#copied = this.#at;
  }

  /** The next character that is no space. */
  #peek(): string {
    while (' \n\r\t'.includes(this.#text[this.#at] ?? '.')) this.#at++;
    return this.#text[this.#at] ?? '';
  }
}

/** The digits of a number that is an integer below 10^40, however it is written; undefined for any other. */
export function exactInteger(literal: string): string | undefined {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?$/.exec(literal) ?? [];
  const digits = (whole + fraction).replace(/^0+/, '');
  if (digits === '') return '0';
  const places = Number(exponent) - fraction.length;
  if (digits.length + places > 40) return undefined;
  if (places >= 0) return sign + digits + '0'.repeat(places);
  const kept = digits.length + places;
  if (kept <= 0 || /[1-9]/.test(digits.slice(kept))) return undefined;
  return sign + digits.slice(0, kept);
}

function memberOf(expected: Expected, quoted: string): Expected {
  if (expected.kind === 'elements') return expected.of;
  if (expected.kind !== 'message') return expected.kind === 'unknown' ? unknown : other;
  const name: string = quoted.includes('\\') ? JSON.parse(quoted) : quoted.slice(1, -1);
  const field = expected.fields.get(name);
  return field ? expectField(field) : other;
}

function expectField(field: DescField): Expected {
  const element = field.message
    ? expectMessage(field.message)
    : longTypes.has(field.scalar ?? ScalarType.STRING)
      ? int64
      : other;
  return field.fieldKind === 'list' || field.fieldKind === 'map' ? { kind: 'elements', of: element } : element;
}

const messages = new WeakMap<DescMessage, Expected>();

function expectMessage(schema: DescMessage): Expected {
  switch (schema.typeName) {
    case 'google.protobuf.Int64Value':
    case 'google.protobuf.UInt64Value':
      return int64;
    case 'google.protobuf.Any':
      return unknown;
    // Numbers in these are doubles, and the rest are strings.
    case 'google.protobuf.Struct':
    case 'google.protobuf.Value':
    case 'google.protobuf.ListValue':
      return other;
  }
  let expected = messages.get(schema);
  if (!expected) {
    const fields = new Map<string, DescField>();
    for (const field of schema.fields) fields.set(field.name, field).set(field.jsonName, field);
    expected = { kind: 'message', fields };
    messages.set(schema, expected);
  }
  return expected;
}
