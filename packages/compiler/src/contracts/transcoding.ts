import type { DescField, DescMessage, DescMethod } from '@bufbuild/protobuf';
import type { Complaint } from './complaint.ts';

/** What Envoy's transcoder cannot turn into JSON or back, in the messages of a method that has REST. */
export function transcodingComplaints(method: DescMethod): Complaint[] {
  for (const [what, message] of [
    ['request', method.input],
    ['answer', method.output],
  ] as const) {
    const field = delimitedField(message);
    if (field === undefined) continue;
    return [
      {
        element: method,
        message: `(google.api.http) its ${what} has ${field.parent.typeName}.${field.name} in delimited encoding, which Envoy's transcoder cannot write`,
        advice: 'features.message_encoding = LENGTH_PREFIXED, or no REST for this method',
      },
    ];
  }
  return [];
}

/** Messages that hold nothing in delimited encoding: many methods have the same ones. */
const without = new WeakSet<DescMessage>();

/** A field in delimited encoding (a group) that a message holds, at whatever depth. */
function delimitedField(message: DescMessage): DescField | undefined {
  // Messages may hold themselves.
  const seen = new Set<DescMessage>();
  const open = [message];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (seen.has(next) || without.has(next)) continue;
    seen.add(next);
    for (const field of next.fields) {
      if (field.fieldKind === 'message' || (field.fieldKind === 'list' && field.listKind === 'message')) {
        if (field.delimitedEncoding) return field;
      }
      if (field.message) open.push(field.message);
    }
  }
  for (const each of seen) without.add(each);
  return undefined;
}
