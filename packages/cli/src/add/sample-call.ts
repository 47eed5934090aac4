import { create, type DescMethod } from '@bufbuild/protobuf';
import { createValidator } from '@bufbuild/protovalidate';
import { openDescriptorSet } from '@weft/compiler/contracts/descriptor-set';
import { logicalNameOf } from '@weft/compiler/contracts/logical-name';
import { readServices } from '@weft/compiler/contracts/service-policy';
import type { Method } from '@weft/compiler/model/method';

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
  /** Whether the contract permits an empty request. */
  readonly takesEmptyRequest: boolean;
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
  const takesEmpty = (method: DescMethod) => validator.validate(method.input, create(method.input)).kind === 'valid';
  const candidates = services.flatMap((service) =>
    service.methods.flatMap((method) => {
      const policy = policies.methods.get(`/${service.typeName}/${method.name}`);
      if (policy?.kind !== 'unary' || !policy.callers.has(caller)) return [];
      const takesEmptyRequest = takesEmpty(method);
      return [{ method, policy, takesEmptyRequest, rank: rankOf(policy, takesEmptyRequest) }];
    }),
  );
  const [easiest] = candidates.sort((a, b) => a.rank - b.rank);
  if (easiest === undefined) return undefined;
  const { method, policy, takesEmptyRequest } = easiest;
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
    },
    version: method.parent.file.proto.package.slice(callee.length + 1),
    takesEmptyRequest,
    deadlineMs: policy.deadlineMs ?? 0,
  };
}

function rankOf({ safety }: Method, takesEmptyRequest: boolean): number {
  return (takesEmptyRequest ? 0 : 2) + (safety === 'no_side_effects' ? 0 : 1);
}
