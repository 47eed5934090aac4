import type { Facts, ServiceFact } from '../facts/facts.ts';
import type { MeshSettings, ServiceId } from '../model/mesh.ts';
import type { Problem } from '../model/problem.ts';
import { serviceRef, workloadRef } from '../model/resource-ref.ts';
import type { Service } from '../model/service.ts';
import type { Workload } from '../model/workload.ts';
import { ownersRow, speaksFor } from './package-owners.ts';

type Selector = ServiceFact['selector'];

/** A Service with a contract, as somebody else could copy it. */
interface Original {
  readonly id: ServiceId;
  readonly name: string;
  readonly namespace: string;
  readonly logicalName: string;
  readonly selector: Selector;
}

/**
 * Names what looks like a service with a contract and is none: a Service of the same name and selector, and workloads with the
 * labels that its replicas have, in a namespace that may not speak for its contract. Neither has any effect on the original; but
 * who copied them may think so, and who reads the status should know.
 *
 * One label is what many pods have by chance, so it counts only for those behind a copied Service.
 */
export function lookAlikes(
  facts: Facts,
  services: ReadonlyMap<ServiceId, Service>,
  workloads: readonly Workload[],
): Problem[] {
  const originals = facts.services.flatMap((fact) => original(fact, services));
  const namespaces = new Set(originals.map(({ namespace }) => namespace));
  const [only] = namespaces;
  const isAtHome = (namespace: string) => namespaces.size === 0 || (namespaces.size === 1 && namespace === only);
  const problems: Problem[] = [];
  const copied = new Set<string>();
  const byName = groupBy(originals, ({ name }) => name);
  for (const fact of facts.services) {
    if (isAtHome(fact.namespace)) continue;
    const text = selectorText(fact.selector);
    for (const one of byName.get(fact.name) ?? []) {
      if (!isForeign(fact.namespace, one, facts.settings) || selectorText(one.selector) !== text) continue;
      copied.add(`${fact.namespace} ${one.id}`);
      problems.push({
        resource: fact.origin,
        about: [serviceRef(`${fact.namespace}/${fact.name}`)],
        message: `Service ${fact.namespace}/${fact.name} has the name and the selector of ${one.id}, but ${rule(fact.namespace, one)}`,
        advice: advice(fact.namespace, one, facts.settings, 'another name'),
      });
    }
  }
  const byLabel = groupBy(originals, ({ selector }) => firstLabel(selector));
  for (const workload of workloads) {
    if (isAtHome(workload.namespace)) continue;
    const labels = Object.entries(workload.labels).map(([label, value]) => `${label}=${value}`);
    for (const one of labels.flatMap((label) => byLabel.get(label) ?? [])) {
      if (!isForeign(workload.namespace, one, facts.settings) || !hasLabels(workload, one.selector)) continue;
      const isTelling = Object.keys(one.selector).length > 1 || copied.has(`${workload.namespace} ${one.id}`);
      if (!isTelling) continue;
      problems.push({
        resource: `Workload ${workload.id}`,
        about: [workloadRef(workload.id)],
        field: 'metadata.labels',
        message: `has the labels of ${one.id}, but ${rule(workload.namespace, one)}`,
        advice: advice(workload.namespace, one, facts.settings, 'other labels'),
      });
    }
  }
  return problems;
}

function original(fact: ServiceFact, services: ReadonlyMap<ServiceId, Service>): Original[] {
  const { name, namespace, selector } = fact;
  const id: ServiceId = `${namespace}/${name}`;
  const logicalName = services.get(id)?.logicalName;
  if (logicalName === undefined || Object.keys(selector).length === 0) return [];
  return [{ id, name, namespace, logicalName, selector }];
}

function isForeign(namespace: string, one: Original, settings: MeshSettings): boolean {
  return namespace !== one.namespace && !speaksFor(settings, namespace, one.logicalName);
}

function rule(namespace: string, { logicalName }: Original): string {
  return `namespace ${namespace} may not speak for ${logicalName}; it gets no call to ${logicalName}, and calls nobody in its name`;
}

function advice(namespace: string, { logicalName }: Original, settings: MeshSettings, change: string): string {
  return `${change}, or ${ownersRow(namespace, logicalName)} in spec.packages of ${settings.origin ?? 'the MeshConfig'}`;
}

function hasLabels({ labels }: Workload, selector: Selector): boolean {
  return Object.entries(selector).every(([label, value]) => labels[label] === value);
}

function selectorText(selector: Selector): string {
  return Object.entries(selector)
    .map(([label, value]) => `${label}=${value}`)
    .sort()
    .join();
}

function firstLabel(selector: Selector): string {
  const [first] = Object.entries(selector);
  return first ? `${first[0]}=${first[1]}` : '';
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group) group.push(item);
    else groups.set(key(item), [item]);
  }
  return groups;
}
