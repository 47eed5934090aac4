import { create, type MessageInitShape, setExtension, toBinary } from '@bufbuild/protobuf';
import {
  FileDescriptorSetSchema,
  FieldDescriptorProto_Label as Label,
  type MethodOptions_IdempotencyLevel as Level,
  type MethodDescriptorProto,
  MethodDescriptorProtoSchema,
  MethodOptionsSchema,
  ServiceOptionsSchema,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';
import { http as httpOption } from '@weft/policy/google/api/annotations';
import { HttpRuleSchema } from '@weft/policy/google/api/http';
import {
  MethodPolicySchema,
  method as methodOption,
  ServicePolicySchema,
  service as serviceOption,
} from '@weft/policy/weft/policy/v1/policy';

/** What a method of a tiny contract is. */
export interface TinyMethod {
  readonly level?: Level;
  readonly kind?: 'unary' | 'server' | 'client' | 'bidi';
  readonly policy?: MessageInitShape<typeof MethodPolicySchema>;
  /** google.api.http with `body: "*"`. */
  readonly http?: { readonly verb: 'get' | 'put' | 'post' | 'delete' | 'patch'; readonly path: string };
}

/** A descriptor set of one service, `TestService`, all of whose messages are `Thing {string name = 1; string key = 2;}`. */
export function tinyContract(
  logicalName: string,
  methods: Readonly<Record<string, TinyMethod>>,
  policy: MessageInitShape<typeof ServicePolicySchema> = {},
): Uint8Array {
  const options = create(ServiceOptionsSchema);
  setExtension(options, serviceOption, create(ServicePolicySchema, policy));
  const protoPackage = `${logicalName}.v1`;
  const file = {
    name: `${protoPackage.replaceAll('.', '/')}/test.proto`,
    package: protoPackage,
    syntax: 'proto3',
    messageType: [
      {
        name: 'Thing',
        field: ['name', 'key'].map((name, index) => ({
          name,
          number: index + 1,
          label: Label.OPTIONAL,
          type: Type.STRING,
          jsonName: name,
        })),
      },
    ],
    service: [
      {
        name: 'TestService',
        method: Object.entries(methods).map(([name, method]) => describe(name, method, `.${protoPackage}.Thing`)),
        options,
      },
    ],
  };
  return toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [file] }));
}

/** The path of a tiny contract's method. */
export function tinyPath(logicalName: string, method: string): string {
  return `/${logicalName}.v1.TestService/${method}`;
}

function describe(name: string, method: TinyMethod, type: string): MethodDescriptorProto {
  const options = create(MethodOptionsSchema, method.level === undefined ? {} : { idempotencyLevel: method.level });
  if (method.policy) setExtension(options, methodOption, create(MethodPolicySchema, method.policy));
  if (method.http) {
    const { verb, path } = method.http;
    const rule = create(HttpRuleSchema, { pattern: { case: verb, value: path }, body: verb === 'get' ? '' : '*' });
    setExtension(options, httpOption, rule);
  }
  return create(MethodDescriptorProtoSchema, {
    name,
    inputType: type,
    outputType: type,
    clientStreaming: method.kind === 'client' || method.kind === 'bidi',
    serverStreaming: method.kind === 'server' || method.kind === 'bidi',
    options,
  });
}
