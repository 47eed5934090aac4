import { type DescField, getOption, hasOption } from '@bufbuild/protobuf';
import { field as fieldPolicy } from '@weft/policy/weft/policy/v1/policy';

/** Whether a field's contract says that it must not be written down: (weft.policy.v1.field).sensitive. */
export function isSensitive(field: DescField): boolean {
  return hasOption(field, fieldPolicy) && getOption(field, fieldPolicy).sensitive;
}
