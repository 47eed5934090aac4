import type { FeatureSet, FileDescriptorProto } from '@bufbuild/protobuf/wkt';
import {
  FeatureSet_EnumType as EnumType,
  FeatureSet_JsonFormat as JsonFormat,
  FeatureSet_FieldPresence as Presence,
} from '@bufbuild/protobuf/wkt';

/** The features of an element that decide whether Envoy's descriptor pool takes it. */
export interface Features {
  readonly presence: Presence;
  readonly enumType: EnumType;
  readonly json: JsonFormat;
}

/** What holds in a file: the defaults of its syntax or edition, and what its own options say. */
export function fileFeatures({ syntax, options }: FileDescriptorProto): Features {
  if (syntax === 'editions') return refined(editions, options?.features);
  return syntax === 'proto3' ? { ...editions, presence: Presence.IMPLICIT } : proto2;
}

const editions: Features = { presence: Presence.EXPLICIT, enumType: EnumType.OPEN, json: JsonFormat.ALLOW };

const proto2: Features = {
  presence: Presence.EXPLICIT,
  enumType: EnumType.CLOSED,
  json: JsonFormat.LEGACY_BEST_EFFORT,
};

/** The features of an element within another. */
export function refined(outer: Features, own: FeatureSet | undefined): Features {
  if (own === undefined) return outer;
  return {
    presence: own.fieldPresence || outer.presence,
    enumType: own.enumType || outer.enumType,
    json: own.jsonFormat || outer.json,
  };
}
