import { create, setExtension, toBinary } from '@bufbuild/protobuf';
import {
  FileDescriptorSetSchema,
  FieldDescriptorProto_Label as Label,
  MethodOptions_IdempotencyLevel as Level,
  type MethodDescriptorProto,
  MethodDescriptorProtoSchema,
  MethodOptionsSchema,
  ServiceOptionsSchema,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';
import { http as httpOption } from '@weft/policy/google/api/annotations';
import { HttpRuleSchema } from '@weft/policy/google/api/http';
import {
  Code,
  Exposure,
  MethodPolicySchema,
  method as methodOption,
  ServicePolicySchema,
  service as serviceOption,
} from '@weft/policy/weft/policy/v1/policy';
import fc from 'fast-check';

// Contracts that are in order, with every option in every mixture that the rules allow.

const duration = (minMs: number, maxMs: number) =>
  fc
    .integer({ min: minMs, max: maxMs })
    .map((ms) => ({ seconds: BigInt(Math.floor(ms / 1000)), nanos: (ms % 1000) * 1e6 }));
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const callers = fc.uniqueArray(fc.constantFrom('bakery.orders', 'bakery.catalog', 'bakery.random'));
const retry = fc.record({
  codes: fc.uniqueArray(
    fc.constantFrom(Code.CANCELLED, Code.DEADLINE_EXCEEDED, Code.INTERNAL, Code.RESOURCE_EXHAUSTED, Code.UNAVAILABLE),
  ),
  maxRetries: optional(fc.integer({ min: 0, max: 10 })),
  baseBackoff: optional(duration(1, 500)),
});
const exposure = fc.constantFrom(Exposure.UNSPECIFIED, Exposure.NONE, Exposure.EDGE);
const segment = fc.constantFrom('/things', '/v1', '/{name}', '/{key}', '/a.b-c~d', '/*', '/{name=shelves/*}');

const method = fc
  .record({
    kind: fc.constantFrom('unary', 'server', 'client', 'bidi'),
    level: fc.constantFrom(Level.IDEMPOTENCY_UNKNOWN, Level.IDEMPOTENT, Level.NO_SIDE_EFFECTS),
    keyed: fc.boolean(),
    retry: optional(retry),
    deadline: optional(duration(1, 100_000)),
    idleTimeout: optional(duration(1, 100_000)),
    maxDuration: optional(duration(1, 100_000_000)),
    callers: optional(callers),
    exposure,
    hedge: optional(duration(1, 1000)),
    rateLimits: fc.array(
      fc.record({
        caller: fc.constantFrom('*', 'edge', 'bakery.orders'),
        requests: fc.integer({ min: 1, max: 0xffff_ffff }),
        per: optional(duration(50, 60_000)),
      }),
      { maxLength: 3 },
    ),
    path: optional(
      fc
        .uniqueArray(segment, { minLength: 1, maxLength: 4, selector: (part) => /\{(\w+)/.exec(part)?.[1] ?? part })
        .map((parts) => parts.join('')),
    ),
    verb: fc.constantFrom('get', 'put', 'post', 'delete', 'patch'),
    custom: fc.constantFrom('', ':search', ':do-it'),
  })
  .map((given) => (index: number): MethodDescriptorProto => {
    const unary = given.kind === 'unary';
    const clientStreaming = given.kind === 'client' || given.kind === 'bidi';
    const keyed = unary && given.keyed;
    const options = create(MethodOptionsSchema, { idempotencyLevel: given.level });
    const repeatable = given.level !== Level.IDEMPOTENCY_UNKNOWN || keyed;
    setExtension(
      options,
      methodOption,
      create(MethodPolicySchema, {
        ...(unary && given.deadline ? { deadline: given.deadline } : {}),
        ...(!unary && given.idleTimeout ? { idleTimeout: given.idleTimeout } : {}),
        ...(!unary && given.maxDuration ? { maxDuration: given.maxDuration } : {}),
        ...(given.retry && repeatable && !clientStreaming ? { retry: given.retry } : {}),
        ...(keyed ? { idempotencyKey: 'key' } : {}),
        ...(given.callers ? { callers: { names: given.callers } } : {}),
        ...(given.hedge && given.level === Level.NO_SIDE_EFFECTS ? { hedge: { after: given.hedge } } : {}),
        exposure: given.exposure,
        rateLimits: given.rateLimits,
      }),
    );
    if (given.path !== undefined && !clientStreaming) {
      // Made unlike all others by its number, as two methods may not share a path.
      const value = `/m${index}${given.path}${given.custom}`;
      setExtension(options, httpOption, create(HttpRuleSchema, { pattern: { case: given.verb as 'get', value } }));
    }
    return create(MethodDescriptorProtoSchema, {
      name: `Method${index}`,
      inputType: '.bakery.random.v1.Thing',
      outputType: '.bakery.random.v1.Thing',
      clientStreaming,
      serverStreaming: given.kind === 'server' || given.kind === 'bidi',
      options,
    });
  });

/** A descriptor set of the logical service "bakery.random". */
export const arbitraryContract: fc.Arbitrary<Uint8Array> = fc
  .record({
    methods: fc.array(method, { minLength: 1, maxLength: 25 }),
    callers,
    exposure,
    percent: optional(fc.double({ min: 0, max: 100, noNaN: true })),
    minConcurrent: optional(fc.integer({ min: 0, max: 0xffff_ffff })),
    maxConcurrentRequests: optional(fc.integer({ min: 1, max: 0xffff_ffff })),
  })
  .map(({ methods, percent, minConcurrent, ...policy }) => {
    const options = create(ServiceOptionsSchema);
    const retryBudget = { percent, minConcurrent };
    setExtension(options, serviceOption, create(ServicePolicySchema, { ...policy, retryBudget }));
    return toBinary(
      FileDescriptorSetSchema,
      create(FileDescriptorSetSchema, {
        file: [
          {
            name: 'bakery/random/v1/random.proto',
            package: 'bakery.random.v1',
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
            service: [{ name: 'RandomService', method: methods.map((make, index) => make(index)), options }],
          },
        ],
      }),
    );
  });
