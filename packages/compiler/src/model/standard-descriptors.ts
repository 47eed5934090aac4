import type { DescFile } from '@bufbuild/protobuf';
import {
  file_google_protobuf_any,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_field_mask,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
} from '@bufbuild/protobuf/wkt';
import { file_google_rpc_error_details } from '@weft/policy/google/rpc/error_details';
import { file_google_rpc_status } from '@weft/policy/google/rpc/status';

/**
 * Types that proxies know by their names: they read and write them as JSON of their own, or make errors of them, and rely on their
 * fields. A contract may bring them along under any path, but not others by their names. Each file after those that it imports.
 */
export const standardDescriptors: readonly DescFile[] = [
  file_google_protobuf_any,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_field_mask,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
  file_google_rpc_status,
  file_google_rpc_error_details,
];
