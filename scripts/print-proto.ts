import type {
  DescriptorProto,
  EnumDescriptorProto,
  FieldDescriptorProto,
  FileDescriptorProto,
} from '@bufbuild/protobuf/wkt';
import { FieldDescriptorProto_Label, FieldDescriptorProto_Type } from '@bufbuild/protobuf/wkt';

/**
 * Prints a proto2 file descriptor as `.proto` source.
 *
 * Some packages ship a schema only as a descriptor inside generated code, while buf reads only source. The print has every
 * message, field, enum and extension with its number, and the presence rules; it has no comments and no custom options.
 */
export function printProto(file: FileDescriptorProto): string {
  const out: string[] = ['syntax = "proto2";', '', `package ${file.package};`, ''];
  for (const name of file.dependency) out.push(`import "${name}";`);
  out.push('');
  for (const field of file.extension) out.push(...extension(field, ''));
  for (const message of file.messageType) out.push(...printMessage(message, ''));
  for (const type of file.enumType) out.push(...printEnum(type, ''));
  return `${out.join('\n')}\n`;
}

function printMessage(message: DescriptorProto, indent: string): string[] {
  const inner = `${indent}  `;
  const out = [`${indent}message ${message.name} {`];
  const mapEntries = new Map(
    message.nestedType.filter((nested) => nested.options?.mapEntry).map((nested) => [nested.name, nested]),
  );
  for (const nested of message.nestedType) if (!nested.options?.mapEntry) out.push(...printMessage(nested, inner));
  for (const type of message.enumType) out.push(...printEnum(type, inner));
  for (const [index, oneof] of message.oneofDecl.entries()) {
    out.push(`${inner}oneof ${oneof.name} {`);
    for (const field of message.field) {
      if (hasOneof(field) && field.oneofIndex === index) out.push(`${inner}  ${declaration(field, mapEntries)}`);
    }
    out.push(`${inner}}`);
  }
  for (const field of message.field) {
    if (!hasOneof(field)) out.push(`${inner}${label(field, mapEntries)}${declaration(field, mapEntries)}`);
  }
  for (const range of message.extensionRange) {
    out.push(`${inner}extensions ${range.start} to ${range.end >= 536870912 ? 'max' : range.end - 1};`);
  }
  for (const range of message.reservedRange) out.push(`${inner}reserved ${range.start} to ${range.end - 1};`);
  for (const name of message.reservedName) out.push(`${inner}reserved "${name}";`);
  for (const field of message.extension) out.push(...extension(field, inner));
  out.push(`${indent}}`, '');
  return out;
}

function printEnum(type: EnumDescriptorProto, indent: string): string[] {
  return [
    `${indent}enum ${type.name} {`,
    ...(type.options?.allowAlias ? [`${indent}  option allow_alias = true;`] : []),
    ...type.value.map((value) => `${indent}  ${value.name} = ${value.number};`),
    `${indent}}`,
    '',
  ];
}

function extension(field: FieldDescriptorProto, indent: string): string[] {
  return [`${indent}extend ${field.extendee} {`, `${indent}  ${label(field)}${declaration(field)}`, `${indent}}`, ''];
}

function hasOneof(field: FieldDescriptorProto): boolean {
  return Object.hasOwn(field, 'oneofIndex') && !field.proto3Optional;
}

function label(field: FieldDescriptorProto, mapEntries?: ReadonlyMap<string, DescriptorProto>): string {
  if (mapEntry(field, mapEntries)) return '';
  if (field.label === FieldDescriptorProto_Label.REPEATED) return 'repeated ';
  return field.label === FieldDescriptorProto_Label.REQUIRED ? 'required ' : 'optional ';
}

function declaration(field: FieldDescriptorProto, mapEntries?: ReadonlyMap<string, DescriptorProto>): string {
  const entry = mapEntry(field, mapEntries);
  const type = entry ? `map<${typeName(entry.field[0])}, ${typeName(entry.field[1])}>` : typeName(field);
  const deprecated = field.options?.deprecated ? ' [deprecated = true]' : '';
  return `${type} ${field.name} = ${field.number}${deprecated};`;
}

function mapEntry(field: FieldDescriptorProto, mapEntries?: ReadonlyMap<string, DescriptorProto>) {
  const name = field.typeName.split('.').at(-1) ?? '';
  return field.label === FieldDescriptorProto_Label.REPEATED ? mapEntries?.get(name) : undefined;
}

function typeName(field: FieldDescriptorProto | undefined): string {
  if (!field) throw new Error('a map entry has a key and a value');
  return field.typeName || FieldDescriptorProto_Type[field.type].toLowerCase();
}
