import {
  type EnumDescriptorProto,
  FeatureSet_EnumType as EnumType,
  FeatureSet_JsonFormat as JsonFormat,
} from '@bufbuild/protobuf/wkt';
import type { Complaint } from './complaint.ts';
import { type Place, partComplaint } from './descriptor-walk.ts';

/** Enums that no descriptor pool takes. */
export function enumComplaints(place: Place<EnumDescriptorProto>): Complaint[] {
  const { proto, features } = place;
  const [first] = proto.value;
  if (first === undefined) return [partComplaint(place, 'an enum without values')];
  const complaints: Complaint[] = [];
  if (features.enumType === EnumType.OPEN && first.number !== 0) {
    complaints.push(
      partComplaint(
        place,
        `an open enum whose first value ${first.name} is ${first.number}`,
        '0 first, or a closed enum',
      ),
    );
  }
  const byNumber = new Map<number, string>();
  const byJson = new Map<string, (typeof proto.value)[number]>();
  for (const value of proto.value) {
    const other = byNumber.get(value.number);
    if (other !== undefined && !proto.options?.allowAlias) {
      complaints.push(partComplaint(place, `${value.name} and ${other} are both ${value.number}`, 'allow_alias'));
    }
    byNumber.set(value.number, value.name);
    const json = withoutPrefix(proto.name, value.name);
    const same = byJson.get(json);
    if (same && same.number !== value.number && features.json === JsonFormat.ALLOW) {
      complaints.push(
        partComplaint(place, `${value.name} and ${same.name} are the same without the name of their enum`),
      );
    }
    byJson.set(json, same ?? value);
  }
  return complaints;
}

/** A value's name as Envoy's pool compares it: without the enum's own, whatever the case, and without "_". */
function withoutPrefix(enumName: string, value: string): string {
  const bare = (text: string) => text.replace(/_/g, '').toLowerCase();
  const [prefix, whole] = [bare(enumName), bare(value)];
  return whole.startsWith(prefix) && whole.length > prefix.length ? whole.slice(prefix.length) : whole;
}
