import type { DescMethod, DescService } from '@bufbuild/protobuf';
import { Code, ConnectError, type Interceptor, type Transport } from '@connectrpc/connect';
import { type Client, client } from '../client.ts';
import { demandKey } from '../idempotency/idempotency-key.ts';
import { idempotencyKeyOf } from '../idempotency/keyed.ts';
import { type Handlers, refuseUnheededRepeats, type ServiceImplementation } from '../implement.ts';
import { intercepted } from '../interceptors.ts';
import { type ContractPolicy, contractPolicies } from './contract-policy.ts';
import { fakeImplementation } from './fake.ts';
import { inMemoryTransport } from './in-memory-transport.ts';
import { nameCaller, type TestCaller } from './test-caller.ts';

/** How a service is added. */
export interface TestServiceOptions {
  /** As for serve(). Default: none. */
  readonly interceptors?: readonly Interceptor[];
}

/** Services in one process, between which the policy of their contracts holds. */
export interface TestMesh {
  /** Adds a service as implement() made it; as serve(), it refuses handlers that do not heed repeats. */
  serve(implementation: ServiceImplementation, options?: TestServiceOptions): void;
  /** Adds a service that the test makes up, as fake() does. */
  fake<Desc extends DescService>(service: Desc, handlers: Partial<Handlers<Desc>>): void;
  /** A client of `service` as `caller` would have it. The service may be added later. */
  client<Desc extends DescService>(
    service: Desc,
    caller: TestCaller,
    options?: { readonly interceptors?: readonly Interceptor[] },
  ): Client<Desc>;
}

/** A service in the mesh. */
interface Member {
  readonly transport: Transport;
  readonly policy: ContractPolicy;
}

/**
 * An empty mesh in this process. A call in it fails where the mesh would refuse it, with the mesh's own code and sentence: by callers and
 * exposure, by the deadline of the contract, for want of an idempotency key, and by the rules of a message. It does not retry, limit
 * rates or bring back what a sidecar counts.
 *
 * @throws Error when @weft/compiler, which knows the sentences, is not installed.
 */
export async function testMesh(): Promise<TestMesh> {
  const policyOf = await contractPolicies();
  const members = new Map<string, Member>();
  const add = (implementation: ServiceImplementation, interceptors: readonly Interceptor[] = []) => {
    const { service } = implementation;
    const transport = inMemoryTransport([intercepted(implementation, [...interceptors, demandsKeys(implementation)])]);
    members.set(service.typeName, { transport, policy: policyOf(service) });
  };
  return {
    serve(implementation, { interceptors } = {}) {
      refuseUnheededRepeats([implementation]);
      add(implementation, interceptors);
    },
    fake: (service, handlers) => add(fakeImplementation(service, handlers)),
    client: (service, caller, options = {}) => client(service, { ...options, transport: transportOf(members, caller) }),
  };
}

function transportOf(members: ReadonlyMap<string, Member>, caller: TestCaller): Transport {
  const admitted = (method: DescMethod): Member => {
    const member = members.get(method.parent.typeName);
    if (member === undefined) throw refused(new ConnectError(notThere(method), Code.Unavailable));
    const refusal = member.policy.refusal(method, nameOf(caller));
    if (refusal) throw refused(refusal);
    return member;
  };
  const limited = ({ policy }: Member, method: DescMethod, timeoutMs: number | undefined) => {
    const limits = [timeoutMs, policy.limitMs(method)].filter((limit) => limit !== undefined);
    return limits.length === 0 ? undefined : Math.min(...limits);
  };
  const headersOf = (given: ConstructorParameters<typeof Headers>[0]) => {
    const headers = new Headers(given);
    nameCaller(headers, caller);
    return headers;
  };
  return {
    async unary(method, signal, timeoutMs, header, message, values) {
      const member = admitted(method);
      const timeout = limited(member, method, timeoutMs);
      return member.transport.unary(method, signal, timeout, headersOf(header), message, values);
    },
    async stream(method, signal, timeoutMs, header, messages, values) {
      const member = admitted(method);
      const timeout = limited(member, method, timeoutMs);
      return member.transport.stream(method, signal, timeout, headersOf(header), messages, values);
    },
  };
}

/** Refuses an empty key as keyed handlers do, whatever stands in for them. */
function demandsKeys({ methods }: ServiceImplementation): Interceptor {
  const repeatable = new Set(methods.filter((each) => each.heedsRepeats === 'repeatable').map(({ method }) => method));
  return (next) => (request) => {
    const { method } = request;
    if (idempotencyKeyOf(method) !== undefined && !repeatable.has(method) && !request.stream)
      demandKey(method, request.message);
    return next(request);
  };
}

/** As what came over the wire: a handler that lets it through does not tell its own caller. */
function refused(error: ConnectError): ConnectError {
  error.isWireError = true;
  return error;
}

/** The name that the contract would have to admit. */
function nameOf(caller: TestCaller): string {
  if (typeof caller === 'string') return caller;
  return caller.name ?? `spiffe://weft.local/ns/${caller.namespace}/sa/${caller.serviceAccount}`;
}

function notThere({ parent }: DescMethod): string {
  return `${parent.typeName} is not in this test mesh; add it by serve() or fake()`;
}
