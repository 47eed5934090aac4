import { type FileRegistry, getOption } from '@bufbuild/protobuf';
import {
  file_weft_policy_v1_policy,
  method as methodOption,
  service as serviceOption,
} from '@weft/contracts/weft/policy/v1/policy';
import type { LogicalName } from '../model/mesh.ts';
import type { Problem } from '../model/problem.ts';
import { type Complaint, elementName } from './complaint.ts';
import { openDescriptorSet } from './descriptor-set.ts';
import { edgeName, logicalNameOf } from './logical-name.ts';
import { readServices } from './service-policy.ts';
import { sourceLine } from './source-line.ts';

/** How strictly to look. */
export interface LintOptions {
  /** Logical services that exist beyond those in the descriptor set. */
  readonly knownServices?: readonly LogicalName[];
  /** Also refuse callers that are nowhere in the set nor among `knownServices`. Default: false; a set of one service cannot tell. */
  readonly closed?: boolean;
}

/**
 * Refuses contracts that cannot be meant: a retry on a method that may not be repeated, a try timeout over the deadline, a key or
 * caller that does not exist, a REST path that names no field.
 *
 * `resource` is the proto file and, where the set has source info, the line ("shop/orders/v1/orders.proto:12").
 */
export function lint(descriptorSet: Uint8Array, options: LintOptions = {}): Problem[] {
  let registry: FileRegistry;
  try {
    registry = openDescriptorSet(descriptorSet);
  } catch (error) {
    return [
      {
        resource: 'descriptor set',
        message: `cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      },
    ];
  }
  const complaints: Complaint[] = [];
  const known = new Set<LogicalName>([edgeName, ...(options.knownServices ?? [])]);
  for (const file of registry.files) {
    if (file.services.length > 0) known.add(logicalNameOf(file.proto.package));
  }
  for (const file of registry.files) {
    if (file.name === file_weft_policy_v1_policy.name) continue;
    complaints.push(...readServices(file.services, '').complaints);
    if (!options.closed) continue;
    for (const service of file.services) {
      const { callers, defaults } = getOption(service, serviceOption);
      complaints.push(...strangers(service, [...callers, ...(defaults?.callers?.names ?? [])], known));
      for (const method of service.methods) {
        complaints.push(...strangers(method, getOption(method, methodOption).callers?.names ?? [], known));
      }
    }
  }
  return complaints.map(({ element, message, advice }) => ({
    resource: sourceLine(element),
    field: elementName(element),
    message,
    ...(advice === undefined ? {} : { advice }),
  }));
}

function strangers(
  element: Complaint['element'],
  names: readonly string[],
  known: ReadonlySet<LogicalName>,
): Complaint[] {
  return names
    .filter((name) => !known.has(name))
    .map((name) => ({
      element,
      message: `callers names ${name}, which no contract has`,
      advice: [...known].sort().join(', '),
    }));
}
