import type { DescriptorProto, EnumDescriptorProto, FileDescriptorProto } from '@bufbuild/protobuf/wkt';
import type { Complaint, FilePart } from './complaint.ts';
import { type Features, fileFeatures, refined } from './features.ts';

// Field numbers of google/protobuf/descriptor.proto, of which SourceCodeInfo's paths are made.
export const pathOf = {
  messages: 4,
  enums: 5,
  services: 6,
  fields: 2,
  nested: 3,
  nestedEnums: 4,
  oneofs: 8,
  values: 2,
  methods: 2,
} as const;

/** A message or an enum of a file, and where it stands. */
export interface Place<T> {
  readonly proto: T;
  readonly file: FileDescriptorProto;
  /** Its full name, without a dot before it. */
  readonly name: string;
  /** What it stands in: a package or a message; "": nothing. */
  readonly scope: string;
  readonly path: readonly number[];
  readonly features: Features;
  /** How many messages it stands in. */
  readonly depth: number;
}

/** All messages and enums of some files, by full name; a name that two have is the last one's. */
export interface Types {
  readonly messages: readonly Place<DescriptorProto>[];
  readonly enums: readonly Place<EnumDescriptorProto>[];
  readonly byName: ReadonlyMap<string, Place<DescriptorProto> | Place<EnumDescriptorProto>>;
}

/** Finds every message and enum of some files, nested ones too. */
export function typesOf(files: readonly FileDescriptorProto[]): Types {
  const messages: Place<DescriptorProto>[] = [];
  const enums: Place<EnumDescriptorProto>[] = [];
  const addEnum = (proto: EnumDescriptorProto, around: Omit<Place<unknown>, 'proto' | 'name'>) => {
    const features = refined(around.features, proto.options?.features);
    enums.push({ ...around, proto, name: within(around.scope, proto.name), features });
  };
  const addMessage = (proto: DescriptorProto, around: Omit<Place<unknown>, 'proto' | 'name'>) => {
    const name = within(around.scope, proto.name);
    const features = refined(around.features, proto.options?.features);
    messages.push({ ...around, proto, name, features });
    const inner = { file: around.file, scope: name, features, depth: around.depth + 1 };
    for (const [index, nested] of proto.nestedType.entries()) {
      addMessage(nested, { ...inner, path: [...around.path, pathOf.nested, index] });
    }
    for (const [index, nested] of proto.enumType.entries()) {
      addEnum(nested, { ...inner, path: [...around.path, pathOf.nestedEnums, index] });
    }
  };
  for (const file of files) {
    const around = { file, scope: file.package, features: fileFeatures(file), depth: 0 };
    for (const [index, proto] of file.messageType.entries()) {
      addMessage(proto, { ...around, path: [pathOf.messages, index] });
    }
    for (const [index, proto] of file.enumType.entries()) addEnum(proto, { ...around, path: [pathOf.enums, index] });
  }
  return { messages, enums, byName: new Map([...messages, ...enums].map((place) => [place.name, place])) };
}

/** The full name of something in a package or a message. */
export function within(scope: string, name: string): string {
  return scope === '' ? name : `${scope}.${name}`;
}

/** A complaint about a part of a type, or about all of it. */
export function partComplaint(
  { file, name, path }: Pick<Place<unknown>, 'file' | 'name' | 'path'>,
  message: string,
  advice?: string,
): Complaint {
  const element: FilePart = { kind: 'part', file, name, path };
  return { element, message, ...(advice === undefined ? {} : { advice }) };
}
