import type { FileDescriptorProto } from '@bufbuild/protobuf/wkt';
import type { Complaint } from './complaint.ts';
import { enumComplaints } from './descriptor-enums.ts';
import { fieldComplaints } from './descriptor-fields.ts';
import { messageComplaints } from './descriptor-messages.ts';
import { nameComplaints } from './descriptor-names.ts';
import { typesOf } from './descriptor-walk.ts';
import { standardComplaints } from './standard-types.ts';

/**
 * What Envoy's descriptor pool would refuse of these files, which are a contract and its imports. Its own words are "Unable to build
 * proto descriptor pool", and with them it refuses every route of the gateway. protoc and buf let none of this pass, but a contract is
 * whatever bytes somebody publishes.
 */
export function descriptorComplaints(files: readonly FileDescriptorProto[]): Complaint[] {
  const types = typesOf(files);
  return [
    ...nameComplaints(files, types),
    ...types.messages.flatMap((place) => [
      ...messageComplaints(place, types),
      ...fieldComplaints(place, types),
      ...standardComplaints(place),
    ]),
    ...types.enums.flatMap(enumComplaints),
    ...files.flatMap(fileComplaints),
  ];
}

function fileComplaints(file: FileDescriptorProto): Complaint[] {
  const element = { kind: 'part', file, name: file.name, path: [] } as const;
  const complaints: Complaint[] = [];
  if (file.options?.features && file.syntax !== 'editions') {
    complaints.push({ element, message: 'it has features, which only editions have' });
  }
  // FeatureSet.LEGACY_REQUIRED.
  if (file.options?.features?.fieldPresence === 3) {
    complaints.push({
      element,
      message: 'features.field_presence = LEGACY_REQUIRED is not allowed for a whole file',
      advice: 'the same on each field',
    });
  }
  return complaints;
}
