import { createRegistry, type DescFile, type Registry } from '@bufbuild/protobuf';
import {
  file_google_protobuf_any,
  file_google_protobuf_api,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_field_mask,
  file_google_protobuf_source_context,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_type,
  file_google_protobuf_wrappers,
} from '@bufbuild/protobuf/wkt';
import { file_google_rpc_code } from '@weft/policy/google/rpc/code';
import { file_google_rpc_error_details } from '@weft/policy/google/rpc/error_details';
import { file_google_rpc_status } from '@weft/policy/google/rpc/status';

/** What every service knows: the well-known types and google.rpc. */
const wellKnown: readonly DescFile[] = [
  file_google_protobuf_any,
  file_google_protobuf_api,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_field_mask,
  file_google_protobuf_source_context,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_type,
  file_google_protobuf_wrappers,
  file_google_rpc_code,
  file_google_rpc_error_details,
  file_google_rpc_status,
];

/**
 * The types that a google.protobuf.Any may hold: those of `files`, of all that they import, the well-known types and google.rpc. A type of
 * `files` is taken before one of the same name that everybody knows.
 */
export function messageTypes(files: Iterable<DescFile>): Registry {
  const found = new Map<string, DescFile>();
  const open = [...files];
  for (let next = open.pop(); next; next = open.pop()) {
    if (found.has(next.name)) continue;
    found.set(next.name, next);
    open.push(...next.dependencies);
  }
  return createRegistry(...wellKnown, ...found.values());
}
