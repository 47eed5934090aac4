import { create, type DescFile, type DescMethod, type DescService, toBinary } from '@bufbuild/protobuf';
import { type FileDescriptorProto, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';

/** What the mesh makes of a contract's options, for the calls of a test. */
export interface ContractPolicy {
  /** Why `caller` may not call, as the mesh says it; undefined: it may. */
  refusal(method: DescMethod, caller: string): ConnectError | undefined;
  /** The longest that a call may take, in milliseconds; undefined: no limit. */
  limitMs(method: DescMethod): number | undefined;
}

/**
 * Reads the policy of a service's contract with the compiler that the control plane has: its defaults and its sentences.
 *
 * @throws Error when @weft/compiler is not installed.
 */
export async function contractPolicies(): Promise<(service: DescService) => ContractPolicy> {
  const { readContract, method: model } = await compiler();
  return (service) => {
    const descriptorSet = descriptorSetOf(service.file);
    const { version, problems } = readContract({
      namespace: 'test',
      hash: '',
      descriptorSet,
      origin: service.file.name,
    });
    if (version === undefined)
      throw new TypeError(
        `${service.typeName}: ${problems.map(({ field, message }) => [field, message].join(': ')).join('; ')}`,
      );
    const policyOf = (method: DescMethod) => {
      const found = version.methods.get(`/${method.parent.typeName}/${method.name}`);
      if (found) return found;
      throw new TypeError(`the contract of ${service.typeName} has no method ${method.name}`);
    };
    return {
      refusal(method, caller) {
        const policy = policyOf(method);
        if (policy.callers.has(caller)) return undefined;
        // The edge does not tell outsiders what there is inside.
        if (caller === edge) return new ConnectError(model.notExposedSentence, Code.Unimplemented);
        return new ConnectError(model.refusalSentence(policy, caller), Code.PermissionDenied);
      },
      limitMs(method) {
        const { deadlineMs, maxDurationMs } = policyOf(method);
        return deadlineMs ?? maxDurationMs;
      },
    };
  };
}

const edge = 'edge';

async function compiler() {
  try {
    const [{ readContract }, method] = await Promise.all([
      import('@weft/compiler/contracts/read-contract'),
      import('@weft/compiler/model/method'),
    ]);
    return { readContract, method };
  } catch (cause) {
    throw new Error('testMesh() reads contracts with @weft/compiler: npm install --save-dev @weft/compiler', { cause });
  }
}

/** A file with all that it imports, imports first. */
function descriptorSetOf(file: DescFile): Uint8Array {
  const files = new Map<string, FileDescriptorProto>();
  const add = (one: DescFile) => {
    for (const dependency of one.dependencies) if (!files.has(dependency.proto.name)) add(dependency);
    files.set(one.proto.name, one.proto);
  };
  add(file);
  return toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [...files.values()] }));
}
