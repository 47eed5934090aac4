import { createRegistry, type Registry } from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  file_google_protobuf_any,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_field_mask,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
} from '@bufbuild/protobuf/wkt';
import { file_google_rpc_error_details } from '@weft/contracts/google/rpc/error_details';
import { file_google_rpc_status } from '@weft/contracts/google/rpc/status';
import type { Complaint } from './complaint.ts';
import { type Place, partComplaint } from './descriptor-walk.ts';

/**
 * Types that Envoy knows by their names: it reads and writes them as JSON of their own, or makes errors of them, and relies on their
 * fields. A contract may bring them along under any path, but not others by their names.
 */
const standard: Registry = createRegistry(
  file_google_protobuf_any,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_field_mask,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
  file_google_rpc_status,
  file_google_rpc_error_details,
);

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
      `it has not the field ${name} = ${number} of the standard's ${place.name}`,
      'the type as it is published',
    ),
  );
}
