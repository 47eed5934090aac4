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
import { file_google_rpc_error_details } from '@weft/contracts/google/rpc/error_details';
import { file_google_rpc_status } from '@weft/contracts/google/rpc/status';

/** Types that an Any may hold although its contract does not import them: the well-known ones, and those of errors. */
export const anyTypeFiles: readonly DescFile[] = [
  file_google_protobuf_any,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_field_mask,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
  file_google_rpc_error_details,
  file_google_rpc_status,
];

/** Whether a file defines options, whose types are in no message: google.api.http, weft.policy.v1, buf.validate, descriptors. */
export function isOptionFile({ name, proto }: DescFile): boolean {
  return name === 'google/protobuf/descriptor' || /^(google\.api|weft\.policy\.v1|buf\.validate)$/.test(proto.package);
}
