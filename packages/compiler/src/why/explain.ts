import { subsetToken } from '../envoy/endpoints.ts';
import { inboundName, outboundName, serviceCluster } from '../envoy/names.ts';
import type { Facts } from '../facts/facts.ts';
import { didYouMean, suggesting } from '../model/did-you-mean.ts';
import { identitiesOf, sharedAccountWords } from '../model/identities.ts';
import type { Mesh, WorkloadId } from '../model/mesh.ts';
import { isExposed, type Method, refusalSentence } from '../model/method.ts';
import { effectWords } from '../model/override-effect.ts';
import { budgetWords, hedgeWords, limitWords, retryWords, timeWords } from '../model/policy-words.ts';
import { proxySync, type TypeAnswer } from '../model/proxy-sync.ts';
import { limitFor } from '../model/rate-limit.ts';
import { weftRef } from '../model/resource-ref.ts';
import { effectiveRetry } from '../model/retry.ts';
import type { Service } from '../model/service.ts';
import type { SocketAddress, Workload } from '../model/workload.ts';
import { adviceFor } from './advice.ts';
import type { Explanation, Step, Value } from './explanation.ts';
import { type Called, type Caller, findCaller, findMethod, methodsMeant, servicesOfShortName } from './find-call.ts';
import { contractElement, placeOf, resourceSource, valueSource, versionOf } from './value-source.ts';

/** How far a connected proxy has taken what it was sent, by type. */
export interface ProxyAnswers {
  readonly types: ReadonlyMap<string, TypeAnswer & { readonly nack?: Nack }>;
}

interface Nack {
  readonly names: readonly string[];
  readonly message: string;
}

/** What is asked, of which mesh. */
export interface Question {
  readonly mesh: Mesh;
  /** What the mesh was made of. */
  readonly facts: Facts;
  /** A logical name, a service or a replica. */
  readonly caller: string;
  /** "bakery.orders.v1.OrderService/PlaceOrder". */
  readonly method: string;
  /** Connected proxies; absent: not known, as of an earlier time. */
  readonly proxies?: ReadonlyMap<WorkloadId, ProxyAnswers>;
  /** The last moment of a workload's certificate, in milliseconds since the epoch; absent: not known. */
  readonly certificateNotAfterMs?: (workload: Workload) => number;
}

/** Says what becomes of a call from one service to a method of another, and why. Pure. */
export function explain(question: Question): Explanation {
  const { mesh } = question;
  const caller = findCaller(mesh, question.caller);
  if (caller === undefined) {
    const several = servicesOfShortName(mesh, question.caller).map(({ id, logicalName }) => logicalName ?? id);
    if (several.length > 1) {
      return {
        allowed: false,
        isUnknown: true,
        verdict: `${question.caller} is the name of several services`,
        advice: `name one of ${[...new Set(several)].sort().join(', ')}`,
        steps: [],
      };
    }
    const names = [...new Set([...[...mesh.services.values()].map(nameOf), ...mesh.gateways.keys()])].sort();
    return {
      allowed: false,
      isUnknown: true,
      verdict: `No service is named ${question.caller}.${didYouMean(question.caller, names)}`,
      advice: `name one of ${names.join(', ')}`,
      steps: [],
    };
  }
  const called = findMethod(mesh, question.method, caller.name);
  if (called === undefined) {
    return {
      allowed: false,
      isUnknown: true,
      ...noMethod(mesh, question.method),
      steps: [callerStep(question, caller), listenerStep(question, caller)],
    };
  }
  const endpoints = endpointsOf(mesh, caller, called);
  return {
    ...verdictOf(question, caller, called, endpoints),
    steps: [
      callerStep(question, caller),
      listenerStep(question, caller),
      routeStep(question, caller, called),
      policyStep(question, caller, called),
      clusterStep(called.service),
      endpointsStep(endpoints, called.service),
      certificatesStep(question, caller, called.service),
      calleeStep(mesh, caller, called),
    ],
  };
}

/** Nobody has the method: whether its service is there, and what may have been meant. */
function noMethod(mesh: Mesh, text: string): Pick<Explanation, 'verdict' | 'advice'> {
  const name = text.replace(/^\//, '');
  const [serviceName = '', methodName] = name.split('/');
  const several = [...new Set(methodsMeant(mesh, name).map(({ method }) => method.path.slice(1)))].sort();
  if (several.length > 1) {
    return { verdict: `${name} may mean several methods`, advice: `name one of ${listed(several)}` };
  }
  const services = [...mesh.services.values()];
  const paths = (some: readonly Service[]) =>
    some.flatMap(({ methods }) => [...methods.keys()].map((path) => path.slice(1)));
  const grpcServices = (service: Service) => [...service.methods.values()].map(({ grpcService }) => grpcService);
  const own = services.filter(
    (service) =>
      service.id === name ||
      service.logicalName === serviceName ||
      service.name === serviceName ||
      grpcServices(service).some((each) => each === serviceName || each.endsWith(`.${serviceName}`)),
  );
  if (own.length > 0) {
    const known = paths(own).sort();
    const said =
      methodName === undefined
        ? `${name} is a service; name one of its methods`
        : `${serviceName} has no method ${methodName}`;
    const meant = [...known, ...known.map((path) => `${serviceName}/${path.split('/').at(-1)}`)];
    return {
      verdict: methodName === undefined ? said : suggesting(said, name, meant),
      advice: known.length === 0 ? 'it has no methods' : `one of ${listed(known)}`,
    };
  }
  const known = [...services.flatMap(({ logicalName }) => logicalName ?? []), ...services.flatMap(grpcServices)];
  return {
    verdict: suggesting(`weft: no service of the mesh has /${name}`, name, [
      ...paths(services),
      ...known,
      // "bakery.payment/Authorize" is as near to "bakery.payments/Authorize" as its service is.
      ...(methodName === undefined ? [] : known.map((each) => `${each}/${methodName}`)),
    ]),
    advice: 'weft status names the services; a contract whose last good version serves may not have the method yet',
  };
}

/** The first twenty names, and how many more there are. */
function listed(names: readonly string[]): string {
  const more = names.length > 20 ? ` and ${names.length - 20} more` : '';
  return `${names.slice(0, 20).join(', ')}${more}`;
}

interface Endpoint {
  readonly workload: Workload;
  /** Why it gets none of these calls; absent: it does. */
  readonly passedOver?: string;
}

function endpointsOf(mesh: Mesh, caller: Caller, { service, method }: Called): Endpoint[] {
  const subset = subsetToken(method, caller.name, service.versions) !== undefined;
  return service.workloads.flatMap((id) => {
    const workload = mesh.workloads.get(id);
    if (workload === undefined) return [];
    if (!workload.ready) return { workload, passedOver: `not ready${workload.reason ? `: ${workload.reason}` : ''}` };
    if (workload.inbound.length === 0) return { workload, passedOver: 'its proxy takes no calls' };
    const version = service.versions.get(workload.contractHash ?? '');
    if (subset && !version?.methods.get(method.path)?.callers.has(caller.name)) {
      return { workload, passedOver: `its version ${workload.contractHash ?? 'none'} does not admit ${caller.name}` };
    }
    return { workload };
  });
}

function verdictOf(question: Question, caller: Caller, called: Called, endpoints: readonly Endpoint[]) {
  const { mesh } = question;
  const { method, service } = called;
  const name = method.path.slice(1);
  if (!method.callers.has(caller.name)) {
    return {
      allowed: false,
      verdict: refusalSentence(method, caller.name),
      ...adviceFor(caller.name, called, question.facts, mesh),
    };
  }
  const accounts = new Set(caller.workloads.map(({ spiffeId }) => spiffeId));
  if (accounts.size > 0 && !identitiesOf(method.callers, mesh).some((identity) => accounts.has(identity))) {
    const sharers = new Set([...accounts].flatMap((identity) => mesh.sharedIdentities.get(identity) ?? []));
    const contracts = [...sharers].filter((sharer) => sharer !== '').sort();
    const nameAll = sharers.has('') ? '' : `, or callers that name ${contracts.join(' and ')}`;
    return {
      allowed: false,
      verdict: `${refusalSentence(method, caller.name)}${sharedAccountWords(method.callers, mesh, accounts)}`,
      advice: `one service account for each service${nameAll}`,
    };
  }
  const taking = endpoints.filter(({ passedOver }) => passedOver === undefined);
  if (taking.length === 0) {
    const reasons = endpoints.map(({ workload, passedOver }) => `${workload.id} ${passedOver}`);
    return {
      allowed: false,
      verdict: `${caller.name} may call ${name}, but no replica of ${service.id} takes it (UNAVAILABLE)`,
      advice: reasons.length === 0 ? `${service.id} has no replicas` : reasons.join('; '),
    };
  }
  const longestMs = method.deadlineMs ?? method.maxDurationMs;
  const retry = effectiveRetry(method);
  const times = [
    longestMs === undefined ? 'while it is active' : `within ${timeWords(longestMs)}`,
    retry === undefined ? 'retried only if it was never delivered' : `tried up to ${retry.maxRetries + 1} times`,
  ];
  const replicas = `${taking.length} of ${endpoints.length} replicas ready for it`;
  return { allowed: true, verdict: `${caller.name} may call ${name}: ${replicas}, ${times.join(', ')}` };
}

function callerStep({ facts }: Question, { name, workloads, services }: Caller): Step {
  const origins = services.map((service) => `Service ${service.id}${originOf(service, facts)}`);
  const ready = workloads.filter((workload) => workload.ready).length;
  const who = origins.length > 0 ? origins.join(', ') : 'a gateway';
  return {
    name: 'caller',
    summary: `${name}: ${who}, ${ready} of ${workloads.length} replicas ready`,
    values: workloads.map(({ id, ready, reason }) => ({
      name: id,
      value: ready ? 'ready' : `not ready${reason ? `: ${reason}` : ''}`,
    })),
  };
}

function listenerStep({ proxies }: Question, { workloads }: Caller): Step {
  const values = workloads.map(({ id, outbound, gateway }): Value => {
    const listen = outbound?.listen ?? gateway?.listen;
    const address = listen === undefined ? 'no listener for its own calls' : addressText(listen);
    return { name: id, value: address, ...(proxies ? proxyState(proxies.get(id)) : {}) };
  });
  const isGateway = workloads.some(({ gateway }) => gateway !== undefined);
  return {
    name: 'listener',
    summary: isGateway ? 'of the gateway' : `"${outboundName}" of the caller's sidecar`,
    values,
  };
}

/** Whether a proxy holds what it was sent. */
function proxyState(proxy: ProxyAnswers | undefined): Pick<Value, 'source' | 'proxySync'> {
  const sync = proxySync(proxy?.types.values());
  const refused = [...(proxy?.types.values() ?? [])].find(({ nack }) => nack !== undefined)?.nack;
  const words = {
    'not connected': 'no proxy is connected; it keeps its current configuration',
    refused: `its proxy refuses ${refused?.names.join(', ')}: ${refused?.message}`,
    behind: 'its proxy has not acknowledged all yet',
    'in sync': 'its proxy has acknowledged all',
  };
  return { source: words[sync], proxySync: sync };
}

function routeStep({ facts }: Question, caller: Caller, { method, service }: Called): Step {
  if (!method.callers.has(caller.name)) {
    const summary = `none to ${method.path}; the control plane answers with the refusal`;
    return { name: 'route', summary, values: [] };
  }
  const source = (field: Parameters<typeof valueSource>[0]) => valueSource(field, method, service, facts);
  const values: Value[] = [];
  const { deadlineMs, tryTimeoutMs, maxDurationMs, idleTimeoutMs, hedge } = method;
  if (deadlineMs !== undefined) {
    values.push({ name: 'deadline', value: timeWords(deadlineMs), ...source('deadlineMs') });
  }
  if (tryTimeoutMs !== undefined) {
    values.push({ name: 'try timeout', value: timeWords(tryTimeoutMs), ...source('tryTimeoutMs') });
  }
  if (method.kind !== 'unary') {
    const longest = maxDurationMs === undefined ? 'no limit' : timeWords(maxDurationMs);
    values.push({ name: 'max duration', value: longest, ...source('maxDurationMs') });
  }
  if (idleTimeoutMs !== undefined) {
    values.push({ name: 'idle timeout', value: timeWords(idleTimeoutMs), ...source('idleTimeoutMs') });
  }
  const retry = effectiveRetry(method);
  values.push({
    name: 'retry',
    value: retry ? retryWords(retry) : 'only calls that were never delivered',
    ...source('retry'),
  });
  if (hedge) values.push({ name: 'hedge', value: hedgeWords(hedge), ...source('hedge') });
  const safety = method.idempotencyKey ? `${method.safety} by ${method.idempotencyKey}` : method.safety;
  values.push({ name: 'may be repeated', value: safety.replaceAll('_', ' '), source: 'the contract' });
  if (caller.workloads.some(({ gateway }) => gateway)) {
    for (const { verb, template } of method.http) values.push({ name: 'REST', value: `${verb} ${template}` });
  }
  const where = [service.logicalName, ...service.hosts].filter((host) => host !== undefined)[0];
  return { name: 'route', summary: `${method.path} at ${where}`, values };
}

function policyStep(question: Question, caller: Caller, { method, service }: Called): Step {
  const { facts, mesh } = question;
  const values: Value[] = [];
  for (const hash of method.versions) {
    const version = service.versions.get(hash);
    if (version === undefined || hash === '') continue;
    const element = contractElement({ service: method.grpcService, method: method.name, isOption: false }, version);
    values.push({
      name: 'contract',
      value: hash,
      ...(element ? { source: `${version.origin}, ${placeOf(element)}`, element } : { source: version.origin }),
    });
  }
  for (const resource of facts.resources) {
    const { kind, metadata } = resource;
    if (kind !== 'MeshPolicy' || metadata.namespace !== service.namespace) continue;
    if (serviceNamed(resource.spec) !== service.name) continue;
    values.push({
      name: 'MeshPolicy',
      value: `${metadata.namespace}/${metadata.name}`,
      source: resource.origin,
      resource: weftRef(kind, metadata.name, metadata.namespace),
    });
  }
  for (const override of mesh.overrides) {
    const concerns = override.methods.length === 0 || override.methods.includes(method.path);
    if (override.service !== service.id || !concerns || override.state !== 'active') continue;
    const until = override.expiresMs === undefined ? '' : `, until ${new Date(override.expiresMs).toISOString()}`;
    values.push({
      name: 'MeshOverride',
      value: `${override.id}: ${override.effects.map(effectWords).join(', ')}${until}`,
      source: override.origin,
      resource: override.ref,
    });
  }
  values.push({
    name: 'callers',
    value: [...method.callers].sort().join(', ') || 'nobody',
    ...valueSource('callers', method, service, facts),
  });
  for (const denied of method.denied ?? []) values.push({ name: 'denied for now', value: denied });
  values.push({
    name: 'exposure',
    value: isExposed(method) ? 'the edge' : 'none',
    ...valueSource('exposed', method, service, facts),
  });
  if (method.shadow) {
    values.push({
      name: 'shadow',
      value: `${[...method.shadow].sort().join(', ') || 'nobody'}; others are let through and counted`,
      ...valueSource('shadow', method, service, facts),
    });
  }
  const limit = limitFor(caller.name, method.rateLimits);
  values.push({
    name: 'rate limit',
    value: limit ? `${limitWords(limit)}, per replica` : 'none',
    ...valueSource('rateLimits', method, service, facts),
  });
  const by = method.origins.callers;
  const who =
    by?.is === 'resource' ? resourceSource(by.ref, facts) : (versionOf(method, service)?.origin ?? 'no contract');
  return { name: 'policy', summary: `who may call says ${who}`, values };
}

function clusterStep(service: Service): Step {
  const values: Value[] = [
    { name: 'balancing', value: 'least request' },
    { name: 'retry budget', value: budgetWords(service.retryBudget) },
  ];
  if (service.maxConcurrentRequests !== undefined) {
    values.push({ name: 'requests at once', value: `${service.maxConcurrentRequests}, per replica` });
  }
  if (service.accessLog !== undefined) values.push({ name: 'access log of its sidecars', value: service.accessLog });
  return { name: 'cluster', summary: serviceCluster(service.id), values };
}

function endpointsStep(endpoints: readonly Endpoint[], service: Service): Step {
  const taking = endpoints.filter(({ passedOver }) => passedOver === undefined).length;
  return {
    name: 'endpoints',
    summary: `${taking} of ${endpoints.length} replicas of ${service.id}`,
    values: endpoints.map(({ workload, passedOver }) => {
      const address = workload.inbound[0] ? addressText(workload.inbound[0].listen) : 'no address';
      return {
        name: workload.id,
        value: passedOver === undefined ? `${address}, ready` : `${address}, ${passedOver}`,
        source: workload.contractHash ? `contract ${workload.contractHash}` : 'no contract',
      };
    }),
  };
}

function certificatesStep({ certificateNotAfterMs }: Question, caller: Caller, service: Service): Step {
  const values: Value[] = caller.workloads.map((workload) => ({
    name: workload.id,
    value: workload.spiffeId,
    ...(certificateNotAfterMs
      ? { source: `certificate ends ${new Date(certificateNotAfterMs(workload)).toISOString()}` }
      : {}),
  }));
  for (const identity of service.identities) values.push({ name: 'callee must be', value: identity });
  const summary = service.identities.length > 0 ? 'both sides present one (mTLS)' : `${service.id} has no identity yet`;
  return { name: 'certificates', summary, values };
}

/** What the callee's sidecar checks again, by the contract of its own replica. */
function calleeStep(mesh: Mesh, caller: Caller, { method, service }: Called): Step {
  const accounts = new Set(caller.workloads.map(({ spiffeId }) => spiffeId));
  const values = service.workloads.flatMap((id): Value[] => {
    const workload = mesh.workloads.get(id);
    const own: Method | undefined = service.versions.get(workload?.contractHash ?? '')?.methods.get(method.path);
    if (workload === undefined) return [];
    const admitted = identitiesOf(own?.callers ?? new Set(), mesh).filter((identity) => accounts.has(identity));
    const refuses = `refuses ${[...accounts].sort().join(', ') || caller.name}`;
    const value =
      own === undefined ? 'has no such method' : admitted.length > 0 ? `admits ${admitted.join(', ')}` : refuses;
    const listener = workload.inbound[0] ? inboundName(workload.inbound[0].listen.port) : 'no listener';
    return [{ name: id, value, source: listener }];
  });
  return { name: 'callee', summary: "RBAC in each replica's sidecar", values };
}

function originOf(service: Service, facts: Facts): string {
  const fact = facts.services.find(({ namespace, name }) => namespace === service.namespace && name === service.name);
  return fact === undefined ? '' : ` (${fact.origin})`;
}

function nameOf({ logicalName, id }: Service): string {
  return logicalName ?? id;
}

function serviceNamed(spec: unknown): unknown {
  return typeof spec === 'object' && spec !== null && 'service' in spec ? spec.service : undefined;
}

function addressText({ host, port }: SocketAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
