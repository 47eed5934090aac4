import { type DescField, type DescMessage, type DescMethod, getOption, hasOption } from '@bufbuild/protobuf';
import { field as fieldOption } from '@weft/policy/weft/policy/v1/policy';
import type { Complaint } from './complaint.ts';

/**
 * Refuses an idempotency key on a method whose answer has a sensitive field. The service kit stores the answers of keyed calls, so that
 * a repeat gets the same one, and the field would stand in the service's database in clear text.
 */
export function storedAnswerComplaints(method: DescMethod): Complaint[] {
  const sensitive = sensitiveField(method.output, new Set());
  if (sensitive === undefined) return [];
  return [
    {
      element: method,
      message: `answers of a method with an idempotency_key are stored, and ${sensitive.parent.typeName}.${sensitive.name} is sensitive`,
      advice: 'an answer without the field, or idempotency_level IDEMPOTENT instead of the key',
    },
  ];
}

function sensitiveField(message: DescMessage, seen: Set<DescMessage>): DescField | undefined {
  if (seen.has(message)) return undefined;
  seen.add(message);
  for (const field of message.fields) {
    if (hasOption(field, fieldOption) && getOption(field, fieldOption).sensitive) return field;
    const within = field.message && sensitiveField(field.message, seen);
    if (within) return within;
  }
  return undefined;
}
