import { create } from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  DescriptorProtoSchema,
  type EnumDescriptorProto,
  EnumDescriptorProtoSchema,
  EnumOptionsSchema,
  type FeatureSet,
  FeatureSetSchema,
  type FieldDescriptorProto,
  FieldDescriptorProtoSchema,
  FieldOptionsSchema,
  FileOptionsSchema,
  MessageOptionsSchema,
  OneofDescriptorProtoSchema,
  OneofOptionsSchema,
} from '@bufbuild/protobuf/wkt';

// What reads and writes messages, and nothing else: every other option, reserved name or range is one more thing that a descriptor
// pool could judge.

/** The options of a file that decide how its messages are read; undefined: it has none of its own. */
export function bareFileOptions(features: FeatureSet | undefined) {
  return features && create(FileOptionsSchema, { features: bareFeatures(features) });
}

/** A message with its fields, its oneofs and what stands in it. */
export function bareMessage(message: DescriptorProto): DescriptorProto {
  const { name, options } = message;
  const features = options?.features;
  return create(DescriptorProtoSchema, {
    name,
    field: message.field.map(bareField),
    nestedType: message.nestedType.map(bareMessage),
    enumType: message.enumType.map(bareEnum),
    oneofDecl: message.oneofDecl.map(({ name, options }) =>
      create(OneofDescriptorProtoSchema, {
        name,
        ...(options?.features
          ? { options: create(OneofOptionsSchema, { features: bareFeatures(options.features) }) }
          : {}),
      }),
    ),
    ...(options?.mapEntry || features
      ? {
          options: create(MessageOptionsSchema, {
            ...(options?.mapEntry ? { mapEntry: true } : {}),
            ...(features ? { features: bareFeatures(features) } : {}),
          }),
        }
      : {}),
  });
}

/** An enum with its values. */
export function bareEnum({ name, value, options }: EnumDescriptorProto): EnumDescriptorProto {
  // A pool refuses the option where no number has two names.
  const allowAlias = new Set(value.map(({ number }) => number)).size < value.length;
  const features = options?.features;
  return create(EnumDescriptorProtoSchema, {
    name,
    value: value.map(({ name, number }) => ({ name, number })),
    ...(allowAlias || features
      ? {
          options: create(EnumOptionsSchema, {
            ...(allowAlias ? { allowAlias } : {}),
            ...(features ? { features: bareFeatures(features) } : {}),
          }),
        }
      : {}),
  });
}

function bareField(field: FieldDescriptorProto): FieldDescriptorProto {
  const features = field.options?.features;
  return create(FieldDescriptorProtoSchema, {
    ...field,
    options: features && create(FieldOptionsSchema, { features: bareFeatures(features) }),
    $unknown: undefined,
  });
}

/** Of the features those that change what a message means; packed or not, every reader takes both. */
function bareFeatures({ fieldPresence, enumType, messageEncoding, jsonFormat }: FeatureSet): FeatureSet {
  return create(FeatureSetSchema, {
    ...(fieldPresence ? { fieldPresence } : {}),
    ...(enumType ? { enumType } : {}),
    ...(messageEncoding ? { messageEncoding } : {}),
    ...(jsonFormat ? { jsonFormat } : {}),
  });
}
