import { contractHash } from '../contracts/contract-hash.ts';
import { filesOf } from '../contracts/descriptor-set.ts';
import type { ContractFact } from '../facts/facts.ts';
import { nameSchema } from '../facts/name-schema.ts';
import type { Problem } from '../model/problem.ts';
import { maxContractBytes } from '../model/quotas.ts';

/** The namespace of a contract file, or undefined when the path is not `contracts/<namespace>/<name>.binpb`. */
export function contractNamespace(path: string): string | undefined {
  const namespace = /^contracts\/([^/]+)\/[^/]+\.binpb$/.exec(path)?.[1];
  return namespace !== undefined && nameSchema.safeParse(namespace).success ? namespace : undefined;
}

/**
 * Reads one descriptor set. It must decode and hold every file that its files import: that also tells a file that is still
 * being written from a whole one. What it means is for the contracts front end.
 */
export function parseContractFile(path: string, bytes: Uint8Array): { contract: ContractFact } | { problem: Problem } {
  const advice = 'a FileDescriptorSet with imports, as `buf build -o` writes it';
  const namespace = contractNamespace(path);
  if (namespace === undefined) {
    return { problem: { resource: path, message: 'is in no namespace', advice: 'contracts/<namespace>/<name>.binpb' } };
  }
  if (bytes.length === 0) return { problem: { resource: path, message: 'is empty', advice } };
  if (bytes.length > maxContractBytes) {
    const message = `has ${bytes.length} bytes`;
    return { problem: { resource: path, message, advice: `at most ${maxContractBytes} bytes` } };
  }
  try {
    const files = filesOf(bytes);
    if (files.length === 0) return { problem: { resource: path, message: 'holds no proto file', advice } };
    const names = new Set(files.map((file) => file.name));
    for (const file of files) {
      const missing = file.dependency.find((dependency) => !names.has(dependency));
      if (missing !== undefined) {
        const message = `${file.name} imports ${missing}, which is not in the set`;
        return { problem: { resource: path, field: file.name, message, advice } };
      }
    }
  } catch {
    return { problem: { resource: path, message: `${bytes.length} bytes that are no descriptor set`, advice } };
  }
  return { contract: { namespace, hash: contractHash(bytes), descriptorSet: bytes, origin: path } };
}
