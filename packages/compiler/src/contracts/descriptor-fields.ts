import { isFieldSet } from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  FeatureSet_EnumType as EnumType,
  type FieldDescriptorProto,
  FieldDescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
  FeatureSet_FieldPresence as Presence,
  FeatureSet_RepeatedFieldEncoding as RepeatedEncoding,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';
import type { Complaint } from './complaint.ts';
import { defaultComplaint } from './descriptor-defaults.ts';
import { type Place, partComplaint, pathOf, type Types, within } from './descriptor-walk.ts';
import { refined } from './features.ts';

const maxFieldNumber = 2 ** 29 - 1;

/** Fields that no descriptor pool takes. */
export function fieldComplaints(place: Place<DescriptorProto>, types: Types): Complaint[] {
  const complaints: Complaint[] = [];
  const byNumber = new Map<number, string>();
  for (const [index, field] of place.proto.field.entries()) {
    const at = { file: place.file, name: within(place.name, field.name), path: [...place.path, pathOf.fields, index] };
    const complain = (message: string, advice?: string) => complaints.push(partComplaint(at, message, advice));
    const other = byNumber.get(field.number);
    if (other !== undefined) complain(`its number ${field.number} is also ${other}'s`);
    byNumber.set(field.number, field.name);
    if (field.number < 1 || field.number > maxFieldNumber) {
      complain(`its number is ${field.number}`, `a number from 1 to ${maxFieldNumber}`);
    }
    for (const message of shapeMessages(field, place, types)) complain(message);
    for (const message of featureMessages(field, place, types)) complain(message);
  }
  return complaints;
}

function shapeMessages(
  field: FieldDescriptorProto,
  { file, features }: Place<DescriptorProto>,
  types: Types,
): string[] {
  const { type, label, typeName, jsonName } = field;
  const found: string[] = [];
  const isProto2 = file.syntax === '' || file.syntax === 'proto2';
  if (label === Label.REQUIRED && !isProto2) found.push('it is required, which only proto2 has');
  if (type === Type.GROUP && !isProto2) found.push('it is a group, which only proto2 has');
  if (typeName !== '' && type !== Type.MESSAGE && type !== Type.GROUP && type !== Type.ENUM) {
    found.push(`it is a scalar with the type ${typeName}`);
  }
  if (jsonName.includes('\0')) found.push('its json_name has a NUL');
  if (/^\[.*\]$/.test(jsonName)) found.push(`its json_name is ${jsonName}, which is an extension's form`);
  if (field.proto3Optional && (file.syntax !== 'proto3' || !isInOneof(field))) {
    found.push('it is proto3_optional without a oneof of its own');
  }
  const used = type === Type.ENUM ? types.byName.get(typeName.replace(/^\./, '')) : undefined;
  const { presence } = refined(features, field.options?.features);
  const hasPresence = isInOneof(field) || presence !== Presence.IMPLICIT;
  if (used !== undefined && used.features.enumType === EnumType.CLOSED && !hasPresence) {
    found.push(`it has the closed enum ${used.name} and no presence`);
  }
  const wrong = defaultComplaint(field, hasPresence, used && 'value' in used.proto ? used.proto : undefined);
  if (wrong !== undefined) found.push(wrong);
  return found;
}

/** Features of one field that are not for such a field. */
function featureMessages(field: FieldDescriptorProto, { file }: Place<DescriptorProto>, types: Types): string[] {
  const features = field.options?.features;
  if (features === undefined) return [];
  if (file.syntax !== 'editions') return ['it has features, which only editions have'];
  const repeated = field.label === Label.REPEATED;
  const isMessage = field.type === Type.MESSAGE;
  const ofType = isMessage ? types.byName.get(field.typeName.replace(/^\./, ''))?.proto : undefined;
  const map = ofType !== undefined && 'field' in ofType && ofType.options?.mapEntry === true;
  const found: string[] = [];
  const { fieldPresence, messageEncoding, repeatedFieldEncoding, utf8Validation } = features;
  if (fieldPresence !== Presence.FIELD_PRESENCE_UNKNOWN) {
    if (repeated) found.push('features.field_presence is not for repeated fields');
    else if (isInOneof(field)) found.push('features.field_presence is not for members of a oneof');
    else if (isMessage && fieldPresence === Presence.IMPLICIT)
      found.push('features.field_presence = IMPLICIT is not for messages');
  }
  if (messageEncoding && (!isMessage || map)) found.push('features.message_encoding is for messages');
  if (repeatedFieldEncoding !== RepeatedEncoding.REPEATED_FIELD_ENCODING_UNKNOWN) {
    if (!repeated) found.push('features.repeated_field_encoding is for repeated fields');
    else if (repeatedFieldEncoding === RepeatedEncoding.PACKED && !isPackable(field)) {
      found.push('features.repeated_field_encoding = PACKED is for numbers, booleans and enums');
    }
  }
  if (utf8Validation && field.type !== Type.STRING && !map) found.push('features.utf8_validation is for strings');
  return found;
}

/** Whether a field is a member of a oneof; 0 is the index of the first. */
export function isInOneof(field: FieldDescriptorProto): boolean {
  return isFieldSet(field, FieldDescriptorProtoSchema.field.oneofIndex);
}

/** Whether elements of a repeated field can stand in one record. */
export function isPackable({ type, label }: Pick<FieldDescriptorProto, 'type' | 'label'>): boolean {
  const whole: readonly Type[] = [Type.STRING, Type.BYTES, Type.MESSAGE, Type.GROUP];
  return label === Label.REPEATED && !whole.includes(type);
}
