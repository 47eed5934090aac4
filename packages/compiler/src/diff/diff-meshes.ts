import type { Gateway } from '../model/gateway.ts';
import { identitiesOf } from '../model/identities.ts';
import type { Mesh, SpiffeId } from '../model/mesh.ts';
import type { Method } from '../model/method.ts';
import { budgetWords } from '../model/policy-words.ts';
import type { Service } from '../model/service.ts';
import { addedTo, changedFor, removedFrom } from './diff-method.ts';
import { externalServiceChanges, settingsChanges } from './diff-settings.ts';
import type { CallDiff, Change, DestinationDiff, MeshDiff } from './mesh-diff.ts';

/** As much of a mesh as a comparison needs. */
export interface Comparable
  extends Pick<Mesh, 'gateways' | 'identities' | 'sharedIdentities'>,
    Partial<Pick<Mesh, 'settings' | 'externalServices' | 'routes'>> {
  readonly services: ReadonlyMap<string, ComparableService>;
}

/** As much of a service. */
export type ComparableService = Pick<
  Service,
  'id' | 'logicalName' | 'identities' | 'versions' | 'methods' | 'retryBudget'
> &
  Partial<Pick<Service, 'ungoverned' | 'accessLog'>>;

/** Says what becomes different for whom when one mesh takes the place of another. Pure. */
export function diffMeshes(before: Comparable, after: Comparable): MeshDiff {
  const olds = servicesByName(before, after);
  const news = servicesByName(after, before);
  const calls: CallDiff[] = [];
  const destinations: DestinationDiff[] = [];
  for (const name of sortedUnion(olds.keys(), news.keys())) {
    const [old, fresh] = [olds.get(name), news.get(name)];
    for (const path of sortedUnion(old?.methods.keys() ?? [], fresh?.methods.keys() ?? [])) {
      const was = old?.methods.get(path);
      const is = fresh?.methods.get(path);
      calls.push(...diffMethod(name, path.slice(1), side(before, was), side(after, is)));
    }
    const changes =
      old && fresh
        ? [...serviceChanges(old, fresh), ...routeChanges(routesOf(before, old.id), routesOf(after, fresh.id))]
        : [];
    if (changes.length > 0) destinations.push({ name, changes });
  }
  for (const name of sortedUnion(before.gateways.keys(), after.gateways.keys())) {
    const changes = gatewayChanges(before.gateways.get(name), after.gateways.get(name));
    changes.push(...routeChanges(routesOf(before, name), routesOf(after, name)));
    if (changes.length > 0) destinations.push({ name: `gateway ${name}`, changes });
  }
  destinations.push(...externalServiceChanges(before.externalServices ?? [], after.externalServices ?? []));
  const settings = before.settings && after.settings ? settingsChanges(before.settings, after.settings) : [];
  if (settings.length > 0) destinations.push({ name: 'the whole mesh', changes: settings });
  return { calls, destinations };
}

/** A method on one side, with those who really may call it there. */
interface Side {
  readonly method: Method;
  readonly callers: ReadonlySet<string>;
}

function side(mesh: Comparable, method: Method | undefined): Side | undefined {
  if (method === undefined) return undefined;
  const admitted = new Set(identitiesOf(method.callers, mesh));
  return { method, callers: new Set([...method.callers].filter((caller) => speaks(mesh, caller, admitted))) };
}

/** A caller whose account is also another's is admitted only together with that. One that is not there yet may still come. */
function speaks(mesh: Comparable, caller: string, admitted: ReadonlySet<SpiffeId>): boolean {
  if (mesh.identities.has(caller)) return true;
  const accounts = [...mesh.services.values()].flatMap(({ logicalName, identities }) =>
    logicalName === caller ? identities : [],
  );
  return accounts.length === 0 || accounts.some((identity) => admitted.has(identity));
}

function diffMethod(service: string, method: string, old: Side | undefined, fresh: Side | undefined): CallDiff[] {
  const seen = new Map<string, { callers: string[]; changes: readonly Change[] }>();
  const add = (callers: string[], changes: readonly Change[]) => {
    if (changes.length === 0) return;
    const key = JSON.stringify(changes);
    const same = seen.get(key);
    if (same) same.callers.push(...callers);
    else seen.set(key, { callers, changes });
  };
  const callers = sortedUnion(old?.callers ?? [], fresh?.callers ?? []);
  for (const caller of callers) {
    const [was, is] = [old?.callers.has(caller), fresh?.callers.has(caller)];
    if (was && is && old && fresh) add([caller], changedFor(caller, old.method, fresh.method));
    else if (is && fresh) add([caller], addedTo(caller, old?.method, fresh.method));
    else if (was && old) add([caller], removedFrom(caller, old.method, fresh?.method));
  }
  if (callers.length === 0 && (old === undefined) !== (fresh === undefined)) {
    const kind = old === undefined ? 'method added' : 'method removed';
    add([], [{ kind, text: `${old === undefined ? 'added' : 'removed'}; nobody may call it` }]);
  }
  return [...seen.values()].map((group) => ({ callers: group.callers, method, service, changes: group.changes }));
}

/** By logical name; by id where there is none, or where two services of either mesh share it. */
function servicesByName(mesh: Comparable, other: Comparable): Map<string, ComparableService> {
  const shared = new Set([...sharedNames(mesh), ...sharedNames(other)]);
  const named = new Map<string, ComparableService>();
  for (const service of mesh.services.values()) {
    const { logicalName, id } = service;
    named.set(logicalName === undefined || shared.has(logicalName) ? id : logicalName, service);
  }
  return named;
}

function sharedNames(mesh: Comparable): string[] {
  const names = [...mesh.services.values()].flatMap(({ logicalName }) => logicalName ?? []);
  return names.filter((name, index) => names.indexOf(name) !== index);
}

function serviceChanges(old: ComparableService, fresh: ComparableService): Change[] {
  const changes: Change[] = [];
  const compare = (kind: Change['kind'], before: string, after: string) => {
    if (before !== after) changes.push({ kind, before, after, text: `${kind}: ${before} -> ${after}` });
  };
  compare('who may call', accessWords(old), accessWords(fresh));
  compare('retry budget', budgetWords(old.retryBudget), budgetWords(fresh.retryBudget));
  compare('requests at once', concurrency(old), concurrency(fresh));
  const logged = ({ accessLog }: ComparableService) => accessLog ?? 'as its namespace says';
  compare('calls in the access log', logged(old), logged(fresh));
  return changes;
}

/** What route resources say of a service, by its id, or of a gateway, by its name. */
function routesOf({ routes }: Comparable, name: string): string {
  const found = [...(routes?.values() ?? [])].filter(({ parent }) =>
    'gateway' in parent ? parent.gateway === name : parent.service === name,
  );
  return JSON.stringify(found);
}

function routeChanges(was: string, is: string): Change[] {
  return was === is ? [] : [{ kind: 'routes', text: 'route resources send its calls elsewhere' }];
}

/** Who may call where no method says so. */
function accessWords({ ungoverned }: ComparableService): string {
  return ungoverned ? 'every caller in its namespace' : 'callers that its methods name';
}

/** The limit that a replica's own version sets; several versions, several limits. */
function concurrency({ versions }: ComparableService): string {
  const limits = new Set([...versions.values()].map(({ maxConcurrentRequests: most }) => most ?? 'no limit'));
  return [...limits].join(' or ') || 'no limit';
}

function gatewayChanges(old: Gateway | undefined, fresh: Gateway | undefined): Change[] {
  if (old === undefined || fresh === undefined) {
    return [
      {
        kind: 'gateway',
        text: old === undefined ? 'added' : 'removed: it no longer lets outside callers into the mesh',
      },
    ];
  }
  const fields = [
    'reflection',
    'maxHeaderBytes',
    'maxHeaders',
    'maxMessageBytes',
    'corsOrigins',
    'trustedHops',
  ] as const;
  return fields.flatMap((field): Change[] => {
    const [before, after] = [JSON.stringify(old[field]), JSON.stringify(fresh[field])];
    return before === after ? [] : [{ kind: 'gateway', before, after, text: `${field}: ${before} -> ${after}` }];
  });
}

function sortedUnion(a: Iterable<string>, b: Iterable<string>): string[] {
  return [...new Set([...a, ...b])].sort();
}
