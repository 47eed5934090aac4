import {
  type DescriptorProto,
  FeatureSet_JsonFormat as JsonFormat,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';
import type { Complaint } from './complaint.ts';
import { isInOneof } from './descriptor-fields.ts';
import { type Place, partComplaint, type Types } from './descriptor-walk.ts';

/** How deep messages may stand in messages; Envoy's descriptor pool takes no more. */
export const maxMessageDepth = 30;

/** Messages that no descriptor pool takes. */
export function messageComplaints(place: Place<DescriptorProto>, types: Types): Complaint[] {
  const messages = [...oneofMessages(place.proto), ...jsonNameMessages(place), ...mapMessages(place, types)];
  if (place.depth > maxMessageDepth)
    messages.push(`it stands in ${place.depth} messages; at most ${maxMessageDepth} are possible`);
  return messages.map((message) => partComplaint(place, message));
}

function oneofMessages({ field: fields, oneofDecl }: DescriptorProto): string[] {
  const found: string[] = [];
  let ownsAreOver = false;
  const membersOf = Map.groupBy(
    fields.flatMap((field, at) => (isInOneof(field) ? [{ field, at }] : [])),
    ({ field }) => field.oneofIndex,
  );
  for (const [index, { name }] of oneofDecl.entries()) {
    const members = membersOf.get(index) ?? [];
    const [first] = members;
    const last = members.at(-1);
    if (first === undefined || last === undefined) {
      found.push(`its oneof ${name} has no field`);
      continue;
    }
    if (members.some(({ field }) => field.label !== Label.OPTIONAL))
      found.push(`its oneof ${name} has a field that is not single`);
    if (last.at - first.at >= members.length) found.push(`the fields of its oneof ${name} do not stand together`);
    const synthetic = members.some(({ field }) => field.proto3Optional);
    if (synthetic && members.length > 1)
      found.push(`its oneof ${name} is of an optional field and has ${members.length}`);
    if (!synthetic && ownsAreOver) found.push(`its oneof ${name} stands after that of an optional field`);
    ownsAreOver ||= synthetic;
  }
  for (const { name, oneofIndex } of fields) {
    if (oneofIndex < 0 || (oneofIndex > 0 && oneofIndex >= oneofDecl.length))
      found.push(`its field ${name} is in oneof ${oneofIndex}`);
  }
  return found;
}

/** Fields that are the same in JSON. What proto2 gives by itself may clash there, and what somebody has chosen may not. */
function jsonNameMessages({ proto, features }: Place<DescriptorProto>): string[] {
  const found: string[] = [];
  const clashes = (custom: boolean) => {
    const taken = new Map<string, { readonly name: string; readonly custom: boolean }>();
    for (const { name, jsonName } of proto.field) {
      const plain = jsonNameOf(name);
      const isCustom = custom && jsonName !== '' && jsonName !== plain;
      const json = isCustom ? jsonName : plain;
      const other = taken.get(json);
      if (other && !(custom && !isCustom && !other.custom)) {
        const chosen = isCustom && other.custom;
        if (features.json === JsonFormat.ALLOW || chosen)
          found.push(`its fields ${other.name} and ${name} are both "${json}" in JSON`);
      }
      if (!other) taken.set(json, { name, custom: isCustom });
    }
  };
  clashes(false);
  clashes(true);
  return found;
}

/** A field's name in JSON unless it says another, as protoc makes it. */
function jsonNameOf(name: string): string {
  return name.replace(/_+(.?)/g, (_, letter: string) => letter.toUpperCase());
}

const noKeys: readonly Type[] = [Type.FLOAT, Type.DOUBLE, Type.BYTES, Type.MESSAGE, Type.GROUP, Type.ENUM];

/** Entries of maps that are not as protoc makes them. */
function mapMessages({ proto, name: full }: Place<DescriptorProto>, types: Types): string[] {
  const found: string[] = [];
  const entries = proto.nestedType.filter(({ options }) => options?.mapEntry);
  if (entries.length === 0) return found;
  const byType = Map.groupBy(proto.field, ({ typeName }) => typeName);
  for (const entry of entries) {
    const users = byType.get(`.${full}.${entry.name}`) ?? [];
    const [user] = users;
    const [key, value, ...others] = entry.field;
    const complain = (what: string) => found.push(`its map entry ${entry.name} ${what}`);
    if (user === undefined || users.length > 1) complain(`is that of ${users.length} fields`);
    else if (user.label !== Label.REPEATED || user.type !== Type.MESSAGE)
      complain(`is that of ${user.name}, which is not repeated`);
    else if (entry.name !== entryName(user.name))
      complain(`is that of ${user.name}, whose entry is ${entryName(user.name)}`);
    const isPair = key?.name === 'key' && key.number === 1 && value?.name === 'value' && value.number === 2;
    if (!isPair || others.length > 0 || entry.nestedType.length + entry.enumType.length + entry.oneofDecl.length > 0) {
      complain('has other fields than key and value');
      continue;
    }
    if (key.label !== Label.OPTIONAL || value.label !== Label.OPTIONAL)
      complain('has a key or a value that is not single');
    if (noKeys.includes(key.type)) complain('has a key that is not a string, integer or boolean');
    const ofEnum = value.type === Type.ENUM ? types.byName.get(value.typeName.replace(/^\./, '')) : undefined;
    const first = ofEnum && 'value' in ofEnum.proto ? ofEnum.proto.value[0] : undefined;
    if (first !== undefined && first.number !== 0) complain(`has the enum ${ofEnum?.name}, whose first value is not 0`);
  }
  return found;
}

/** "LabelsEntry" of "labels". */
function entryName(field: string): string {
  return `${field.replace(/(^|_)+(.)/g, (_, __, letter: string) => letter.toUpperCase()).replace(/_/g, '')}Entry`;
}
