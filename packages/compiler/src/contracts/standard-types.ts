import { createRegistry, type Registry } from '@bufbuild/protobuf';
import type { DescriptorProto } from '@bufbuild/protobuf/wkt';
import { standardDescriptors } from '../model/standard-descriptors.ts';
import type { Complaint } from './complaint.ts';
import { type Place, partComplaint } from './descriptor-walk.ts';

const standard: Registry = createRegistry(...standardDescriptors);

/** Whether a name is that of a standard message. */
export function isStandardMessage(name: string): boolean {
  return standard.getMessage(name) !== undefined;
}

/** Messages by the names of standard ones that do not have their fields. */
export function standardComplaints(place: Place<DescriptorProto>): Complaint[] {
  const known = standard.getMessage(place.name)?.proto;
  if (known === undefined) return [];
  const byNumber = new Map(place.proto.field.map((field) => [field.number, field]));
  const isWhole = place.name.startsWith('google.protobuf.');
  const wrong = known.field.filter(({ number, name, type, label, typeName }) => {
    const own = byNumber.get(number);
    // Earlier versions of google.rpc had fewer fields.
    if (own === undefined) return isWhole;
    return own.name !== name || own.type !== type || own.label !== label || own.typeName !== typeName;
  });
  return wrong.map(({ name, number }) =>
    partComplaint(
      place,
      `it lacks the field ${name} = ${number} of the standard's ${place.name}`,
      'the type as it is published',
    ),
  );
}
