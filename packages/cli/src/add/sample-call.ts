import { create, type DescMessage, fromJson, type JsonObject, type Registry } from '@bufbuild/protobuf';
import { createValidator, type Validator } from '@bufbuild/protovalidate';
import { openDescriptorSet } from '@weft/compiler/contracts/descriptor-set';
import { logicalNameOf } from '@weft/compiler/contracts/logical-name';
import { readServices } from '@weft/compiler/contracts/service-policy';
import type { Method } from '@weft/compiler/model/method';
import { exampleRequest } from '../example/example-request.ts';
import { objectLiteral } from './object-literal.ts';

/** A sample call for a new service. */
export interface SampleCall {
  /** "bakery.bread". */
  readonly callee: string;
  /** "BreadService": in the code that protoc-gen-es makes. */
  readonly service: string;
  /** "listLoaves". */
  readonly method: string;
  /** "ListLoaves": as written in the contract. */
  readonly rpc: string;
  /** The .proto file of the service: "bakery/bread/v1/bread". */
  readonly file: string;
  readonly request: SampleRequest;
  /** "v1"; "" where the package has no version. */
  readonly version: string;
  /** How long it may take. */
  readonly deadlineMs: number;
}

/** The message that a sample call sends. */
export interface SampleRequest {
  /** Its name within its package: "ListLoavesRequest", "Outer.Inner". */
  readonly name: string;
  /** Its .proto file: "google/protobuf/empty". */
  readonly file: string;
  /** The Go package that its file names; "" where it names none. */
  readonly goPackage: string;
  /** What to send, as protobuf JSON: empty if the contract permits that. Undefined: its rules are too involved for an example. */
  readonly example: JsonObject | undefined;
  /** The example as an object of protobuf-es in TypeScript; undefined: it has values that JSON writes differently. */
  readonly literal: string | undefined;
}

/**
 * The simplest unary method of a contract that `caller` may call: without side effects and with an empty request, if possible. Undefined:
 * it may call none.
 */
export function sampleCall(descriptorSet: Uint8Array, callee: string, caller: string): SampleCall | undefined {
  const registry = openDescriptorSet(descriptorSet);
  const services = [...registry.files].flatMap(({ proto, services }) =>
    logicalNameOf(proto.package) === callee ? services : [],
  );
  const { policies } = readServices(services, '');
  const validator = createValidator({ registry });
  const candidates = services.flatMap((service) =>
    service.methods.flatMap((method) => {
      const policy = policies.methods.get(`/${service.typeName}/${method.name}`);
      if (policy?.kind !== 'unary' || !policy.callers.has(caller)) return [];
      const example = validExample(method.input, validator, registry);
      return [{ method, policy, example, rank: rankOf(policy, example) }];
    }),
  );
  const [easiest] = candidates.sort((a, b) => a.rank - b.rank);
  if (easiest === undefined) return undefined;
  const { method, policy, example } = easiest;
  return {
    callee,
    service: method.parent.name,
    method: method.localName,
    rpc: method.name,
    file: method.parent.file.name,
    request: {
      name: method.input.typeName.slice(method.input.file.proto.package.length + 1),
      file: method.input.file.name,
      goPackage: method.input.file.proto.options?.goPackage.split(';')[0] ?? '',
      example,
      literal: example && objectLiteral(method.input, example),
    },
    version: method.parent.file.proto.package.slice(callee.length + 1),
    deadlineMs: policy.deadlineMs ?? 0,
  };
}

/** The smallest request that we know the rules of the message to permit. */
function validExample(message: DescMessage, validator: Validator, registry: Registry): JsonObject | undefined {
  if (validator.validate(message, create(message)).kind === 'valid') return {};
  const example = exampleRequest(message);
  try {
    return validator.validate(message, fromJson(message, example, { registry })).kind === 'valid' ? example : undefined;
  } catch {
    return undefined;
  }
}

function rankOf({ safety }: Method, example: JsonObject | undefined): number {
  const effort = example === undefined ? 4 : Object.keys(example).length === 0 ? 0 : 2;
  return effort + (safety === 'no_side_effects' ? 0 : 1);
}
