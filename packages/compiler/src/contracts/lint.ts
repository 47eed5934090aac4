import { type DescMethod, type DescService, type FileRegistry, getOption } from '@bufbuild/protobuf';
import {
  file_weft_policy_v1_policy,
  MethodPolicySchema,
  method as methodOption,
  ServicePolicySchema,
  service as serviceOption,
} from '@weft/policy/weft/policy/v1/policy';
import type { LogicalName } from '../model/mesh.ts';
import type { Method } from '../model/method.ts';
import { edgeName } from '../model/names.ts';
import type { Problem } from '../model/problem.ts';
import { graphComplaints } from './call-graph-lint.ts';
import { type Complaint, elementName } from './complaint.ts';
import { isToolPackage, logicalNameOf } from './logical-name.ts';
import { openContract } from './open-contract.ts';
import { readServices } from './service-policy.ts';
import { sharedPaths } from './shared-paths.ts';
import { isIgnored, sourceFile, sourceLine, sourcePath } from './source-line.ts';
import { storedAnswerComplaints } from './stored-answers.ts';

/** How strictly to look. */
export interface LintOptions {
  /** Logical services that exist beyond those in the descriptor set. */
  readonly knownServices?: readonly LogicalName[];
  /**
   * Also refuse callers that are nowhere in the set nor among `knownServices`; a list: only those whose names begin with one of these
   * words ("bakery" for bakery.orders). Default: false; a set of one service cannot tell.
   */
  readonly closed?: boolean | readonly string[];
  /** Also look at the calls that contracts permit, hop after hop (docs/lint.md says what that proves). Default: false. */
  readonly graph?: boolean;
}

/** Something that a rule has found, and where, for tools that have positions of their own. */
export interface LintFinding {
  /** What can be meant (`policy`), who exists (`callers`), or what calls along the permitted ways may do (`graph`). */
  readonly rule: 'policy' | 'callers' | 'graph';
  /** As the file is imported. */
  readonly file: string;
  /** google.protobuf.SourceCodeInfo.Location.path. */
  readonly sourcePath: readonly number[];
  readonly message: string;
  readonly advice?: string;
}

/** The names by which a comment switches a rule off for an element: `// buf:lint:ignore WEFT_CALL_GRAPH`. */
export const lintRules = { policy: 'WEFT_POLICY', callers: 'WEFT_CALLERS', graph: 'WEFT_CALL_GRAPH' } as const;

/**
 * Refuses contracts that cannot be meant: a retry on a method that may not be repeated, a try timeout over the deadline, a key or
 * caller that does not exist, a REST path that names no field; with `graph`, what the permitted calls may do together.
 *
 * `resource` is the proto file and, where the set has source info, the line ("bakery/orders/v1/orders.proto:12"). What cannot be
 * meant is refused whatever comments say; of the graph, a comment can take the blame.
 */
export function lint(descriptorSet: Uint8Array, options: LintOptions = {}): Problem[] {
  const found = look(descriptorSet, options);
  if (found instanceof Error) {
    return [{ resource: 'descriptor set', message: `cannot be read: ${found.message}` }];
  }
  return found
    .filter(({ rule, element }) => rule !== 'graph' || !isIgnored(element, lintRules.graph))
    .map(({ element, option, message, advice }) => ({
      resource: sourceLine(element, option),
      field: elementName(element),
      message,
      ...(advice === undefined ? {} : { advice }),
    }));
}

/** The same for a tool that finds lines and heeds comments itself. Throws when the bytes are no descriptor set. */
export function lintFindings(descriptorSet: Uint8Array, options: LintOptions = {}): LintFinding[] {
  const found = look(descriptorSet, options);
  if (found instanceof Error) throw found;
  return found.map(({ rule, element, message, advice }) => ({
    rule,
    file: sourceFile(element),
    sourcePath: sourcePath(element),
    message,
    ...(advice === undefined ? {} : { advice }),
  }));
}

type Found = Complaint & { readonly rule: LintFinding['rule'] };

function look(descriptorSet: Uint8Array, options: LintOptions): Found[] | Error {
  const opened = openContract(descriptorSet);
  if (opened.registry === undefined) {
    return opened.error ?? opened.complaints.map((complaint) => ({ ...complaint, rule: 'policy' as const }));
  }
  const { registry } = opened;
  const found: Found[] = [];
  const add = (rule: LintFinding['rule'], complaints: readonly Complaint[]) => {
    for (const complaint of complaints) found.push({ ...complaint, rule });
  };
  const known = new Set<LogicalName>([edgeName, ...(options.knownServices ?? [])]);
  for (const file of registry.files) {
    const name = logicalNameOf(file.proto.package);
    if (file.services.length > 0 && !isToolPackage(name)) known.add(name);
  }
  const admitted = admittedCallers(registry);
  const elements = new Map<string, DescMethod>();
  const methods: Method[] = [];
  for (const file of registry.files) {
    if (file.name === file_weft_policy_v1_policy.name) continue;
    const { policies, complaints } = readServices(file.services, '');
    add('policy', complaints);
    // Those within the file are among its complaints.
    if (methods.length > 0) add('policy', sharedPaths(methods, [...policies.methods.values()], file.services));
    methods.push(...policies.methods.values());
    for (const service of file.services) {
      for (const method of service.methods) {
        const path = `/${service.typeName}/${method.name}`;
        elements.set(path, method);
        if (policies.methods.get(path)?.idempotencyKey !== undefined) add('policy', storedAnswerComplaints(method));
      }
      const { callers, calls, defaults } = getOption(service, serviceOption);
      add('callers', vainCalls(service, calls, admitted));
      if (!options.closed) continue;
      const mustBeKnown = closedNames(options.closed);
      const check = (
        element: DescService | DescMethod,
        field: 'callers' | 'calls',
        names: readonly string[],
        option: readonly number[],
      ) => add('callers', strangers({ element, option }, field, names.filter(mustBeKnown), known));
      check(service, 'callers', callers, optionPaths.callers);
      check(service, 'callers', defaults?.callers?.names ?? [], optionPaths.defaultCallers);
      check(service, 'calls', calls, optionPaths.calls);
      for (const method of service.methods) {
        const names = getOption(method, methodOption).callers?.names ?? [];
        check(method, 'callers', names, optionPaths.methodCallers);
      }
    }
  }
  // Of policies that cannot be meant nothing follows.
  if (options.graph && !found.some(({ rule }) => rule === 'policy')) add('graph', graphComplaints(methods, elements));
  return found;
}

/** Whether a name is one of those that must be known. */
function closedNames(closed: true | readonly string[]): (name: string) => boolean {
  return (name) => closed === true || closed.includes(name.split('.')[0] ?? '');
}

/** Who may call some method of each logical service. */
function admittedCallers(registry: FileRegistry): ReadonlyMap<LogicalName, ReadonlySet<LogicalName>> {
  const admitted = new Map<LogicalName, Set<LogicalName>>();
  for (const file of registry.files) {
    const name = logicalNameOf(file.proto.package);
    if (file.services.length === 0 || isToolPackage(name)) continue;
    const callers = admitted.get(name) ?? new Set<LogicalName>();
    admitted.set(name, callers);
    for (const method of readServices(file.services, '').policies.methods.values()) {
      for (const caller of method.callers) callers.add(caller);
    }
  }
  return admitted;
}

/** Callees of a service that admit it nowhere: every call to them is refused. */
function vainCalls(
  service: DescService,
  calls: readonly LogicalName[],
  admitted: ReadonlyMap<LogicalName, ReadonlySet<LogicalName>>,
): Complaint[] {
  const caller = logicalNameOf(service.file.proto.package);
  return calls
    .filter((callee) => admitted.get(callee)?.has(caller) === false)
    .map((callee) => ({
      element: service,
      message: `calls names ${callee}, but none of its methods names ${caller} as a caller`,
      advice: `callers: ["${caller}"] in ${callee}, or no such call`,
    }));
}

/** Where the options stand that name services. */
const optionPaths = {
  callers: [serviceOption.number, ServicePolicySchema.field.callers.number],
  defaultCallers: [
    serviceOption.number,
    ServicePolicySchema.field.defaults.number,
    MethodPolicySchema.field.callers.number,
  ],
  calls: [serviceOption.number, ServicePolicySchema.field.calls.number],
  methodCallers: [methodOption.number, MethodPolicySchema.field.callers.number],
} as const;

function strangers(
  place: Pick<Complaint, 'element' | 'option'>,
  field: 'callers' | 'calls',
  names: readonly string[],
  known: ReadonlySet<LogicalName>,
): Complaint[] {
  return names
    .filter((name) => !known.has(name))
    .map((name) => ({
      ...place,
      message: `${field} names ${name}, which no contract has`,
      advice: [...known].sort().join(', '),
    }));
}
