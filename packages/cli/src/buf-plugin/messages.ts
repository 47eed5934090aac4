import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

// The few messages of pluginrpc.v1 and buf.plugin.check.v1 that a check plugin needs, by their field numbers
// (https://buf.build/pluginrpc/pluginrpc, https://buf.build/bufbuild/bufplugin). No npm package has them.

/** A rule as buf lists it. */
export interface Rule {
  readonly id: string;
  /** A sentence. */
  readonly purpose: string;
}

/** A finding of a rule. */
export interface Annotation {
  readonly ruleId: string;
  readonly message: string;
  /** The import path of the file. */
  readonly file: string;
  /** google.protobuf.SourceCodeInfo.Location.path, from which buf finds the line. */
  readonly sourcePath: readonly number[];
}

/** What to check. */
export interface CheckRequest {
  /** A google.protobuf.FileDescriptorSet. */
  readonly descriptorSet: Uint8Array;
  /** Names of files that are included only because others import them. */
  readonly imports: ReadonlySet<string>;
  /** From buf.yaml. */
  readonly options: ReadonlyMap<string, readonly (string | boolean)[]>;
  /** Empty: all. */
  readonly ruleIds: readonly string[];
}

/** pluginrpc.v1.Spec: each procedure is called by its path. */
export function writeSpec(paths: readonly string[]): Uint8Array {
  const spec = new BinaryWriter();
  for (const path of paths)
    spec.tag(1, WireType.LengthDelimited).fork().tag(1, WireType.LengthDelimited).string(path).join();
  return spec.finish();
}

/** The value of a pluginrpc.v1.Request. */
export function readRequest(bytes: Uint8Array): Uint8Array {
  let value: Uint8Array = new Uint8Array();
  each(bytes, (number, reader) => {
    if (number !== 1) return false;
    each(reader.bytes(), (part, any) => {
      if (part !== 2) return false;
      value = any.bytes();
      return true;
    });
    return true;
  });
  return value;
}

/** pluginrpc.v1.Response with a value of this type. */
export function writeResponse(type: string, value: Uint8Array): Uint8Array {
  return new BinaryWriter()
    .tag(1, WireType.LengthDelimited)
    .fork()
    .tag(1, WireType.LengthDelimited)
    .string(`type.googleapis.com/${type}`)
    .tag(2, WireType.LengthDelimited)
    .bytes(value)
    .join()
    .finish();
}

/** buf.plugin.check.v1.ListRulesResponse: lint rules that are enabled by default. */
export function writeRules(rules: readonly Rule[], category: string): Uint8Array {
  const response = new BinaryWriter();
  for (const { id, purpose } of rules) {
    const rule = response.tag(2, WireType.LengthDelimited).fork();
    rule.tag(1, WireType.LengthDelimited).string(id);
    rule.tag(2, WireType.LengthDelimited).string(category);
    rule.tag(3, WireType.Varint).bool(true);
    rule.tag(4, WireType.LengthDelimited).string(purpose);
    rule.tag(5, WireType.Varint).int32(1);
    rule.join();
  }
  return response.finish();
}

/** buf.plugin.check.v1.ListCategoriesResponse. */
export function writeCategories(categories: readonly Rule[]): Uint8Array {
  const response = new BinaryWriter();
  for (const { id, purpose } of categories) {
    const category = response.tag(2, WireType.LengthDelimited).fork();
    category.tag(1, WireType.LengthDelimited).string(id);
    category.tag(2, WireType.LengthDelimited).string(purpose);
    category.join();
  }
  return response.finish();
}

/** Reads a buf.plugin.check.v1.CheckRequest. */
export function readCheckRequest(bytes: Uint8Array): CheckRequest {
  const descriptorSet = new BinaryWriter();
  const imports = new Set<string>();
  const options = new Map<string, (string | boolean)[]>();
  const ruleIds: string[] = [];
  each(bytes, (number, reader) => {
    if (number === 1) readFile(reader.bytes(), descriptorSet, imports);
    else if (number === 3) readOption(reader.bytes(), options);
    else if (number === 4) ruleIds.push(reader.string());
    else return false;
    return true;
  });
  return { descriptorSet: descriptorSet.finish(), imports, options, ruleIds };
}

/** buf.plugin.check.v1.CheckResponse. */
export function writeCheckResponse(annotations: readonly Annotation[]): Uint8Array {
  const response = new BinaryWriter();
  for (const { ruleId, message, file, sourcePath } of annotations) {
    const annotation = response.tag(1, WireType.LengthDelimited).fork();
    annotation.tag(1, WireType.LengthDelimited).string(ruleId);
    annotation.tag(2, WireType.LengthDelimited).string(message);
    const location = annotation.tag(3, WireType.LengthDelimited).fork();
    location.tag(1, WireType.LengthDelimited).string(file);
    if (sourcePath.length > 0) {
      const path = location.tag(2, WireType.LengthDelimited).fork();
      for (const part of sourcePath) path.int32(part);
      path.join();
    }
    location.join();
    annotation.join();
  }
  return response.finish();
}

/** buf.plugin.descriptor.v1.FileDescriptor. */
function readFile(bytes: Uint8Array, descriptorSet: BinaryWriter, imports: Set<string>): void {
  let isImport = false;
  let name = '';
  each(bytes, (number, reader) => {
    if (number === 1) {
      const file = reader.bytes();
      descriptorSet.tag(1, WireType.LengthDelimited).bytes(file);
      each(file, (part, proto) => {
        if (part !== 1) return false;
        name = proto.string();
        return true;
      });
    } else if (number === 2) isImport = reader.bool();
    else return false;
    return true;
  });
  if (isImport) imports.add(name);
}

/** buf.plugin.option.v1.Option: strings and booleans, alone or in a list. */
function readOption(bytes: Uint8Array, options: Map<string, (string | boolean)[]>): void {
  let key = '';
  const values: (string | boolean)[] = [];
  const readValue = (value: Uint8Array): void => {
    each(value, (number, reader) => {
      if (number === 1) values.push(reader.bool());
      else if (number === 4) values.push(reader.string());
      else if (number === 6) {
        each(reader.bytes(), (item, list) => {
          if (item !== 1) return false;
          readValue(list.bytes());
          return true;
        });
      } else return false;
      return true;
    });
  };
  each(bytes, (number, reader) => {
    if (number === 1) key = reader.string();
    else if (number === 2) readValue(reader.bytes());
    else return false;
    return true;
  });
  options.set(key, values);
}

/** Visits the fields of a message, and skips those for which `read` returns false. */
function each(bytes: Uint8Array, read: (number: number, reader: BinaryReader) => boolean): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (!read(number, reader)) reader.skip(wireType, number);
  }
}
