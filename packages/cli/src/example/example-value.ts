import { type DescField, type JsonValue, ScalarType } from '@bufbuild/protobuf';
import type { FieldRules, StringRules } from '@weft/policy/buf/validate/validate';
import { samplePattern } from './sample-pattern.ts';

/** The rules of a field, if it has any. */
export type Rules = FieldRules | undefined;

/** A field of the rules if it is set. The rules are proto2, so an unset field would read as its default. */
export function said<T extends object, K extends keyof T>(rules: T, name: K): T[K] | undefined {
  return Object.hasOwn(rules, name) ? rules[name] : undefined;
}

/** A scalar or enum value that satisfies the rules if they are simple. */
export function exampleValue(field: DescField, rules: Rules): JsonValue {
  const type = rules?.type;
  if (field.enum) {
    const { values } = field.enum;
    const wanted = type?.case === 'enum' ? (said(type.value, 'const') ?? type.value.in[0]) : undefined;
    const found = values.find(({ number }) => (wanted === undefined ? number !== 0 : number === wanted)) ?? values[0];
    return found?.name ?? 0;
  }
  switch (field.scalar) {
    case ScalarType.STRING:
      return exampleText(field.name, type?.case === 'string' ? type.value : undefined);
    case ScalarType.BYTES: {
      const length = type?.case === 'bytes' ? Number(said(type.value, 'len') ?? said(type.value, 'minLen') ?? 4n) : 4;
      return Buffer.alloc(length, 'weft').toString('base64');
    }
    case ScalarType.BOOL:
      return type?.case === 'bool' ? (said(type.value, 'const') ?? true) : true;
    default:
      return exampleNumber(rules);
  }
}

const wellKnown: Readonly<Record<string, string>> = {
  email: 'ada@example.com',
  hostname: 'example.com',
  address: 'example.com',
  hostAndPort: 'example.com:80',
  ip: '192.0.2.1',
  ipv4: '192.0.2.1',
  ipv6: '2001:db8::1',
  ipWithPrefixlen: '192.0.2.1/24',
  ipv4WithPrefixlen: '192.0.2.1/24',
  ipv6WithPrefixlen: '2001:db8::1/64',
  ipPrefix: '192.0.2.0/24',
  ipv4Prefix: '192.0.2.0/24',
  ipv6Prefix: '2001:db8::/64',
  uri: 'https://example.com/',
  uriRef: '/example',
  uuid: '0192f0c1-5e8b-7c3a-9d21-4b6f0a7e1c55',
  tuuid: '0192f0c15e8b7c3a9d214b6f0a7e1c55',
  ulid: '01ARZ3NDEKTSV4RRFFQ69G5FAV',
};

function exampleText(name: string, rules: StringRules | undefined): string {
  if (rules === undefined) return `some-${name.replaceAll('_', '-')}`;
  const fixed = said(rules, 'const') ?? rules.in[0];
  if (fixed !== undefined) return fixed;
  const known = rules.wellKnown.case === undefined ? undefined : wellKnown[rules.wellKnown.case];
  if (known !== undefined) return known;
  const pattern = said(rules, 'pattern');
  const sample = pattern === undefined ? undefined : samplePattern(pattern);
  if (sample !== undefined) return sample;
  const least = Number(said(rules, 'len') ?? said(rules, 'minLen') ?? said(rules, 'minBytes') ?? 0n);
  const most = Number(said(rules, 'len') ?? said(rules, 'maxLen') ?? said(rules, 'maxBytes') ?? 1_000n);
  const word = `${said(rules, 'prefix') ?? ''}${said(rules, 'contains') ?? `some-${name.replaceAll('_', '-')}`}${said(rules, 'suffix') ?? ''}`;
  return word.padEnd(least, 'x').slice(0, most);
}

/** The rules that all numeric types share. */
interface NumberRules {
  readonly const?: number | bigint | undefined;
  readonly in: readonly (number | bigint)[];
  readonly greaterThan: { readonly case?: string | undefined; readonly value?: number | bigint | undefined };
  readonly lessThan: { readonly case?: string | undefined; readonly value?: number | bigint | undefined };
}

function exampleNumber(rules: Rules): number {
  const value: object | undefined = rules?.type.value;
  if (value === undefined || !hasBounds(value)) return 1;
  const fixed = said(value, 'const') ?? value.in[0];
  if (fixed !== undefined) return Number(fixed);
  const { greaterThan, lessThan } = value;
  const least = greaterThan.case === 'gt' ? Number(greaterThan.value) + 1 : Number(greaterThan.value ?? Number.NaN);
  const most = lessThan.case === 'lt' ? Number(lessThan.value) - 1 : Number(lessThan.value ?? Number.NaN);
  return Math.min(Math.max(1, least || 1), Number.isNaN(most) ? Number.MAX_SAFE_INTEGER : most);
}

function hasBounds(rules: object): rules is NumberRules {
  return 'greaterThan' in rules && 'lessThan' in rules && 'in' in rules;
}
