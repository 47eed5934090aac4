import { create, type MessageInitShape, setExtension, toBinary } from '@bufbuild/protobuf';
import {
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  FieldDescriptorProto_Label as Label,
  MethodOptionsSchema,
  ServiceOptionsSchema,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';
import { http as httpOption } from '@weft/policy/google/api/annotations';
import { HttpRuleSchema } from '@weft/policy/google/api/http';
import { Exposure, ServicePolicySchema, service as serviceOption } from '@weft/policy/weft/policy/v1/policy';

/** A file as its parts are written. */
export type FileInit = MessageInitShape<typeof FileDescriptorProtoSchema>;

/** A contract that gives a thing by REST, with a part of it made odd. */
export interface OddContract {
  /** Its number: it is the logical service `bakery.oddN` and has the paths below `/oddN`. */
  readonly n: number;
  readonly rule?: MessageInitShape<typeof HttpRuleSchema>;
  /** Changes its own file before it is encoded. */
  readonly edit?: (file: Draft) => void;
  /** Files that stand before its own. */
  readonly imports?: readonly FileInit[];
}

type FileDraft = Exclude<FileInit, { $typeName: string }>;
type MessageDraft = { name: string; field: FieldDraft[]; nestedType?: MessageDraft[] } & Record<string, unknown>;
type FieldDraft = { name: string; number: number; type?: Type; label?: Label } & Record<string, unknown>;
type EnumDraft = { name: string; value: { name: string; number: number }[] } & Record<string, unknown>;

/** A file while it is made. */
export interface Draft extends Omit<FileDraft, 'messageType' | 'enumType' | 'service' | '$unknown' | '$typeName'> {
  /** Thing, Sub. */
  messageType: [thing: MessageDraft, sub: MessageDraft, ...more: MessageDraft[]];
  /** Kind. */
  enumType: [kind: EnumDraft, ...more: EnumDraft[]];
  service: [{ name: string; options: unknown; method: Record<string, unknown>[] }, ...unknown[]];
}

/** A field of a message. */
export function field(name: string, number: number, type: Type, more: Partial<FieldDraft> = {}): FieldDraft {
  return { name, number, type, label: Label.OPTIONAL, jsonName: name, ...more };
}

/** The full name of a message or an enum of contract `n`, as a field's type. */
export function typeName(n: number, name: string): string {
  return `.bakery.odd${n}.v1.${name}`;
}

/** GET of a path below the contract's own. */
export function get(n: number, path: string): MessageInitShape<typeof HttpRuleSchema> {
  return { pattern: { case: 'get', value: `/odd${n}${path}` } };
}

/** The descriptor set of an odd contract. */
export function oddContract({ n, rule = get(n, '/{name}'), edit, imports = [] }: OddContract): Uint8Array {
  const options = create(MethodOptionsSchema, {});
  setExtension(options, httpOption, create(HttpRuleSchema, rule));
  const policy = create(ServiceOptionsSchema);
  setExtension(policy, serviceOption, create(ServicePolicySchema, { exposure: Exposure.EDGE }));
  const string = Type.STRING;
  const of = (name: string) => ({ typeName: typeName(n, name) });
  const repeated = { label: Label.REPEATED };
  const file: Draft = {
    name: `bakery/odd${n}/v1/odd${n}.proto`,
    package: `bakery.odd${n}.v1`,
    syntax: 'proto3',
    messageType: [
      {
        name: 'Thing',
        field: [
          field('name', 1, string),
          field('part', 2, string),
          field('sub', 3, Type.MESSAGE, of('Sub')),
          field('subs', 4, Type.MESSAGE, { ...of('Sub'), ...repeated }),
          field('names', 5, string, repeated),
          field('kind', 6, Type.ENUM, of('Kind')),
          field('labels', 7, Type.MESSAGE, { ...of('Thing.LabelsEntry'), ...repeated }),
          field('raw', 8, Type.BYTES),
          field('big', 9, Type.INT64),
          field('ok', 10, Type.BOOL),
          field('one', 11, string, { oneofIndex: 0 }),
          field('two', 12, string, { oneofIndex: 0 }),
        ],
        oneofDecl: [{ name: 'choice' }],
        nestedType: [
          {
            name: 'LabelsEntry',
            field: [field('key', 1, string), field('value', 2, string)],
            options: { mapEntry: true },
          },
        ],
      },
      { name: 'Sub', field: [field('part', 1, string), field('inner', 2, Type.MESSAGE, of('Sub'))] },
    ],
    enumType: [
      {
        name: 'Kind',
        value: [
          { name: 'KIND_UNSPECIFIED', number: 0 },
          { name: 'KIND_ONE', number: 1 },
        ],
      },
    ],
    service: [
      {
        name: 'ThingService',
        options: policy,
        method: [{ name: 'Do', inputType: typeName(n, 'Thing'), outputType: typeName(n, 'Thing'), options }],
      },
    ],
  };
  edit?.(file);
  const own = create(FileDescriptorProtoSchema, file as FileInit);
  return toBinary(
    FileDescriptorSetSchema,
    create(FileDescriptorSetSchema, {
      file: [...imports.map((each) => create(FileDescriptorProtoSchema, each)), own],
    }),
  );
}

/** A case of the table: what lint says of it, or that a real Envoy takes it. */
export interface OddCase {
  readonly name: string;
  readonly make: (n: number) => Omit<OddContract, 'n'>;
  /** What the first complaint matches; absent: there is none. */
  readonly refused?: RegExp;
}
