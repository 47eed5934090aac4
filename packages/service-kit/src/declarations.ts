import type {
  DescriptorProto,
  EnumDescriptorProto,
  FieldDescriptorProto,
  FileDescriptorProto,
} from '@bufbuild/protobuf/wkt';

/** What a proto file declares. */
export interface Declarations {
  /** Full names of all messages, fields, oneofs, enums, enum values, extensions, services and methods, at all depths. */
  readonly names: readonly string[];
  readonly extensions: readonly ExtensionDeclaration[];
}

/** An extension and what it extends. */
export interface ExtensionDeclaration {
  /** Full name of the extended message. */
  readonly extendee: string;
  readonly number: number;
}

/** Lists what a file declares, by the scopes of protobuf: the values of an enum stand beside it, not within it. */
export function declarationsOf(file: FileDescriptorProto): Declarations {
  const names: string[] = [];
  const extensions: ExtensionDeclaration[] = [];
  const addEnum = (scope: string, { name, value }: EnumDescriptorProto) =>
    names.push(scope + name, ...value.map((one) => scope + one.name));
  const addExtension = (scope: string, { name, extendee, number }: FieldDescriptorProto) => {
    names.push(scope + name);
    extensions.push({ extendee: extendee.replace(/^\./, ''), number });
  };
  const addMessage = (outer: string, message: DescriptorProto) => {
    names.push(outer + message.name);
    const scope = `${outer}${message.name}.`;
    for (const { name } of [...message.field, ...message.oneofDecl]) names.push(scope + name);
    for (const nested of message.enumType) addEnum(scope, nested);
    for (const extension of message.extension) addExtension(scope, extension);
    for (const nested of message.nestedType) addMessage(scope, nested);
  };

  const scope = file.package === '' ? '' : `${file.package}.`;
  for (const message of file.messageType) addMessage(scope, message);
  for (const each of file.enumType) addEnum(scope, each);
  for (const extension of file.extension) addExtension(scope, extension);
  for (const service of file.service)
    names.push(scope + service.name, ...service.method.map(({ name }) => `${scope}${service.name}.${name}`));
  return { names, extensions };
}
