import { create, fromBinary, setExtension, toBinary } from '@bufbuild/protobuf';
import {
  DescriptorProtoSchema,
  Edition,
  FeatureSetSchema,
  FieldDescriptorProtoSchema,
  FileDescriptorProtoSchema,
  type FileDescriptorSet,
  FileDescriptorSetSchema,
  FileOptionsSchema,
  type MethodDescriptorProto,
  MethodOptionsSchema,
  ServiceOptionsSchema,
} from '@bufbuild/protobuf/wkt';
import { arbitraryContract } from '@weft/compiler/testing/arbitrary-contract';
import { http } from '@weft/policy/google/api/annotations';
import { HttpRuleSchema } from '@weft/policy/google/api/http';
import {
  Exposure,
  MethodPolicySchema,
  method as methodPolicy,
  ServicePolicySchema,
  service as servicePolicy,
} from '@weft/policy/weft/policy/v1/policy';
import fc from 'fast-check';
import { oddNumber, oddText } from './odd-values.ts';
import type { Random } from './random.ts';

/** A descriptor set of `fuzz.random`: in order but for a few of its parts, or for a few of its bytes. */
export function oddContract(random: Random): Uint8Array {
  const [sane = new Uint8Array()] = fc.sample(arbitraryContract, { seed: random.int(0, 2 ** 31 - 1), numRuns: 1 });
  // The tenant's own package; both names are of the same length.
  const own = Buffer.from(
    Buffer.from(sane)
      .toString('latin1')
      .replace(/shop([./])random/g, 'fuzz$1random'),
    'latin1',
  );
  if (random.chance(0.2)) return random.mutate(own);
  const set = fromBinary(FileDescriptorSetSchema, own);
  for (let left = random.int(1, 4); left > 0; left--) random.pick(edits)(set, random);
  try {
    return toBinary(FileDescriptorSetSchema, set);
  } catch {
    // The encoder refuses some numbers; nobody can send those.
    return own;
  }
}

type Edit = (set: FileDescriptorSet, random: Random) => void;

const edits: readonly Edit[] = [
  rest((random) => ({ responseBody: random.pick(['name', 'part', oddText(random)]) })),
  rest((random) => ({ body: random.pick(['*', 'name', 'key', oddText(random)]) })),
  rest((random) => ({ pattern: { case: random.pick(['get', 'put', 'post'] as const), value: oddPath(random) } })),
  rest((random) => ({
    pattern: { case: 'custom', value: { kind: random.pick(['*', 'HEAD', oddText(random)]), path: oddPath(random) } },
  })),
  rest((random) => ({
    additionalBindings: Array.from({ length: random.pick([1, 3, 200]) }, () => ({
      pattern: { case: 'get' as const, value: oddPath(random) },
    })),
  })),
  policy((random) => ({ hedge: { maxTries: random.pick([0, 1, 2, 0xffff_ffff]), after: oddTime(random) } })),
  policy((random) => ({ deadline: oddTime(random), tryTimeout: oddTime(random) })),
  policy((random) => ({ maxDuration: oddTime(random), idleTimeout: oddTime(random) })),
  policy((random) => ({
    retry: { maxRetries: random.pick([0, 10, 0xffff_ffff]), baseBackoff: oddTime(random), maxBackoff: oddTime(random) },
  })),
  policy((random) => ({
    rateLimits: [{ caller: oddText(random), requests: random.pick([0, 1, 0xffff_ffff]), per: oddTime(random) }],
  })),
  policy((random) => ({ objective: { percent: oddNumber(random), within: oddTime(random) } })),
  policy((random) => ({ callers: { names: [oddText(random), 'shop.orders'] }, idempotencyKey: oddText(random) })),
  service((random) => ({ retryBudget: { percent: oddNumber(random), minConcurrent: random.pick([0, 0xffff_ffff]) } })),
  service((random) => ({
    maxConcurrentRequests: random.pick([0, 1, 0xffff_ffff]),
    callers: ['shop.orders', oddText(random)],
  })),
  file((found, random) => {
    found.syntax = random.pick(['proto2', 'proto3', 'editions', '', 'proto9']);
    found.edition = random.pick([
      Edition.EDITION_2023,
      Edition.EDITION_2024,
      Edition.EDITION_MAX,
      Edition.EDITION_UNKNOWN,
    ]);
  }),
  file((found, random) => {
    found.syntax = 'editions';
    found.edition = Edition.EDITION_2023;
    found.options ??= create(FileOptionsSchema);
    found.options.features = create(FeatureSetSchema, {
      enumType: random.int(0, 2),
      messageEncoding: random.int(0, 2),
      fieldPresence: random.int(0, 3),
      repeatedFieldEncoding: random.int(0, 2),
      utf8Validation: random.pick([0, 2, 3]),
      jsonFormat: random.int(0, 2),
    });
  }),
  file((found, random) => {
    found.name = random.pick([found.name, 'google/rpc/status.proto', '../x.proto', oddText(random)]);
  }),
  file((found, random) => {
    found.dependency.push(random.pick(['google/protobuf/any.proto', 'nowhere.proto', found.name, oddText(random)]));
  }),
  file((found, random) => {
    found.package = random.pick([
      found.package,
      'fuzz.random.v1',
      'shop.orders.v1',
      'google.protobuf',
      'fuzz',
      oddText(random),
    ]);
  }),
  file((found) => {
    found.messageType.push(...found.messageType);
  }),
  file((found, random) => {
    const [message] = found.messageType;
    message?.field.push(
      create(FieldDescriptorProtoSchema, {
        name: random.pick(['key', 'self', oddText(random)]),
        number: random.pick([1, 3, 0, -1, 19_000, 2 ** 29]),
        label: random.int(1, 3),
        type: random.int(1, 18),
        typeName: random.pick(['', '.fuzz.random.v1.Thing', '.google.protobuf.Any', '.nowhere.Type']),
        jsonName: random.pick(['name', 'self', oddText(random)]),
      }),
    );
  }),
  file((found) => {
    for (let depth = 0; depth < 40; depth++) {
      const inner = create(DescriptorProtoSchema, { name: `Deep${depth}` });
      if (found.messageType[0]) inner.nestedType.push(found.messageType[0]);
      found.messageType[0] = inner;
    }
  }),
  (set, random) => {
    const name = random.pick([
      'vendored/error_details.proto',
      'google/rpc/error_details.proto',
      'google/protobuf/any.proto',
    ]);
    const protoPackage = random.pick(['google.rpc', 'google.protobuf', 'google.api']);
    set.file.unshift(
      create(FileDescriptorProtoSchema, {
        name,
        package: protoPackage,
        syntax: 'proto3',
        messageType: [{ name: random.pick(['ErrorInfo', 'Any', 'Status']) }],
      }),
    );
  },
  (set) => {
    set.file.push(...set.file);
  },
  (set) => {
    set.file.reverse();
  },
];

function file(edit: (file: FileDescriptorSet['file'][number], random: Random) => void): Edit {
  return (set, random) => {
    if (set.file.length > 0) edit(random.pick(set.file), random);
  };
}

function methodOf(set: FileDescriptorSet, random: Random): MethodDescriptorProto | undefined {
  const methods = set.file.flatMap((one) => one.service).flatMap((one) => one.method);
  return methods.length > 0 ? random.pick(methods) : undefined;
}

function rest(rule: (random: Random) => Parameters<typeof create<typeof HttpRuleSchema>>[1]): Edit {
  return (set, random) => {
    const found = methodOf(set, random);
    if (found === undefined) return;
    found.options ??= create(MethodOptionsSchema);
    const sane = { pattern: { case: 'post' as const, value: `/fuzz/${random.int(0, 99)}` } };
    setExtension(found.options, http, create(HttpRuleSchema, { ...sane, ...rule(random) }));
    setExtension(found.options, methodPolicy, create(MethodPolicySchema, { exposure: Exposure.EDGE }));
  };
}

function policy(of: (random: Random) => Parameters<typeof create<typeof MethodPolicySchema>>[1]): Edit {
  return (set, random) => {
    const found = methodOf(set, random);
    if (found === undefined) return;
    found.options ??= create(MethodOptionsSchema, { idempotencyLevel: random.int(0, 2) });
    setExtension(found.options, methodPolicy, create(MethodPolicySchema, { exposure: Exposure.EDGE, ...of(random) }));
  };
}

function service(of: (random: Random) => Parameters<typeof create<typeof ServicePolicySchema>>[1]): Edit {
  return (set, random) => {
    for (const found of set.file.flatMap((one) => one.service)) {
      found.options ??= create(ServiceOptionsSchema);
      setExtension(
        found.options,
        servicePolicy,
        create(ServicePolicySchema, { exposure: Exposure.EDGE, ...of(random) }),
      );
    }
  };
}

function oddTime(random: Random) {
  return {
    seconds: random.pick([0n, 1n, -1n, 3_600n, 315_576_000_000n, 2n ** 62n]),
    nanos: random.pick([0, 1, -1, 999_999_999, 2 ** 31 - 1]),
  };
}

function oddPath(random: Random): string {
  const segment = () =>
    random.pick(['fuzz', 'v1', 'products', '{name}', '{key=**}', '{name=a/*}', '*', '**', oddText(random)]);
  return `/${Array.from({ length: random.int(1, 4) }, segment).join('/')}${random.pick(['', '', ':do', ':', oddText(random)])}`;
}
