import { isFieldSet } from '@bufbuild/protobuf';
import {
  type EnumDescriptorProto,
  type FieldDescriptorProto,
  FieldDescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';

const ranges: Readonly<Partial<Record<Type, readonly [min: bigint, max: bigint]>>> = {
  ...each([Type.INT32, Type.SINT32, Type.SFIXED32], [-(2n ** 31n), 2n ** 31n - 1n]),
  ...each([Type.UINT32, Type.FIXED32], [0n, 2n ** 32n - 1n]),
  ...each([Type.INT64, Type.SINT64, Type.SFIXED64], [-(2n ** 63n), 2n ** 63n - 1n]),
  ...each([Type.UINT64, Type.FIXED64], [0n, 2n ** 64n - 1n]),
};

/** What is wrong with the default value of a field; undefined: nothing. */
export function defaultComplaint(
  field: FieldDescriptorProto,
  hasPresence: boolean,
  ofEnum: EnumDescriptorProto | undefined,
): string | undefined {
  if (!isFieldSet(field, FieldDescriptorProtoSchema.field.defaultValue)) return undefined;
  const { type, label, defaultValue } = field;
  if (label === Label.REPEATED) return 'it is repeated and has a default';
  if (type === Type.MESSAGE || type === Type.GROUP) return 'it is a message and has a default';
  if (!hasPresence) return 'it has no presence and a default';
  return isValue(type, defaultValue, ofEnum)
    ? undefined
    : `its default "${defaultValue.slice(0, 80)}" is none of its values`;
}

function isValue(type: Type, text: string, ofEnum: EnumDescriptorProto | undefined): boolean {
  const range = ranges[type];
  if (range !== undefined) {
    if (!/^-?[0-9]{1,20}$/.test(text)) return false;
    const value = BigInt(text);
    return value >= range[0] && value <= range[1];
  }
  switch (type) {
    case Type.FLOAT:
    case Type.DOUBLE:
      return /^(-?inf|-?nan|-?[0-9]+([.][0-9]*)?(e[-+]?[0-9]+)?)$/i.test(text);
    case Type.BOOL:
      return text === 'true' || text === 'false';
    case Type.ENUM:
      return ofEnum === undefined || ofEnum.value.some(({ name }) => name === text);
    default:
      return true;
  }
}

function each<T>(types: readonly Type[], value: T): Partial<Record<Type, T>> {
  return Object.fromEntries(types.map((type) => [type, value]));
}
