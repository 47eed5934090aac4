import type { Collection, Graph } from '@weft/collections';
import { defaultSettings } from '../facts/default-settings.ts';
import { type FactCollections, settingsKey } from '../facts/fact-collections.ts';
import type { ServiceFact } from '../facts/facts.ts';
import type { MeshSettings, ServiceId } from '../model/mesh.ts';
import { idOf } from '../model/names.ts';
import type { Problem } from '../model/problem.ts';
import { serviceRef, workloadRef } from '../model/resource-ref.ts';
import { some } from './contract-versions.ts';
import type { Members } from './members.ts';
import { ownersRow, speaksFor } from './package-owners.ts';
import type { Services } from './services.ts';

type Selector = ServiceFact['selector'];

/** A Service with a contract, as somebody else could copy it. */
interface Original {
  readonly id: ServiceId;
  readonly name: string;
  readonly namespace: string;
  readonly logicalName: string;
  readonly selector: Selector;
}

/** What a Service copies, and what there is to say about it. */
interface Copies {
  /** "thieves bakery/oven": who copies what. */
  readonly copied: readonly string[];
  readonly problems: readonly Problem[];
}

/**
 * Names what looks like a service with a contract and is none: a Service of the same name and selector, and workloads with the
 * labels that its replicas have, in a namespace that may not speak for its contract. Neither has any effect on the original; but
 * who copied them may think so, and who reads the status should know.
 *
 * One label is what many pods have by chance, so it counts only for those behind a copied Service.
 */
export function lookAlikes(
  graph: Graph,
  facts: FactCollections,
  { labels }: Members,
  { services }: Services,
): readonly Collection<readonly Problem[]>[] {
  const names = graph.derive('logical names', services, ({ logicalName }) => logicalName);
  const originals = graph.derive('originals', facts.services, (fact, read, key): Original | undefined => {
    const { namespace, name, selector } = fact;
    const logicalName = read.get(names, key);
    if (logicalName === undefined || Object.keys(selector).length === 0) return undefined;
    return { id: `${namespace}/${name}`, name, namespace, logicalName, selector };
  });
  const byName = originals.index('name', ({ name }) => [name]);
  const byLabel = originals.index('label', ({ selector }) => labelsOf(selector).slice(0, 1));
  const copies = graph.derive('copies', facts.services, ({ namespace, name, selector, origin }, read) => {
    const settings = read.get(facts.settings, settingsKey) ?? defaultSettings;
    const text = labelsOf(selector).sort().join();
    const copied = read
      .values(byName, name)
      .filter((one) => isForeign(namespace, one, settings) && labelsOf(one.selector).sort().join() === text);
    if (copied.length === 0) return undefined;
    return {
      copied: copied.map(({ id }) => `${namespace} ${id}`),
      problems: copied.map((one) => ({
        resource: origin,
        about: [serviceRef(`${namespace}/${name}`)],
        message: `Service ${namespace}/${name} has the name and the selector of ${one.id}, but ${rule(namespace, one)}`,
        advice: advice(namespace, one, settings, 'another name'),
      })),
    } satisfies Copies;
  });
  const copiers = copies.index('copied', ({ copied }) => copied);
  const workloads = graph.derive('labels in common', labels, ({ namespace, labels: own }, read, id) => {
    const settings = read.get(facts.settings, settingsKey) ?? defaultSettings;
    const like = labelsOf(own)
      .flatMap((label) => read.values(byLabel, label))
      .filter((one) => isForeign(namespace, one, settings) && hasLabels(own, one.selector));
    const telling = like.filter(
      (one) => Object.keys(one.selector).length > 1 || read.keys(copiers, `${namespace} ${one.id}`).length > 0,
    );
    return some(
      telling.map((one) => ({
        resource: `Workload ${id}`,
        about: [workloadRef(idOf(id))],
        field: 'metadata.labels',
        message: `has the labels of ${one.id}, but ${rule(namespace, one)}`,
        advice: advice(namespace, one, settings, 'other labels'),
      })),
    );
  });
  return [graph.derive('copied Services', copies, ({ problems }) => problems), workloads];
}

function isForeign(namespace: string, one: Original, settings: MeshSettings): boolean {
  return namespace !== one.namespace && !speaksFor(settings, namespace, one.logicalName);
}

function rule(namespace: string, { logicalName }: Original): string {
  return `namespace ${namespace} may not speak for ${logicalName}; it gets no call to ${logicalName}, and cannot call under its name`;
}

function advice(namespace: string, { logicalName }: Original, settings: MeshSettings, change: string): string {
  return `${change}, or ${ownersRow(namespace, logicalName)} in spec.packages of ${settings.origin ?? 'the MeshConfig'}`;
}

function hasLabels(labels: Selector, selector: Selector): boolean {
  return Object.entries(selector).every(([label, value]) => labels[label] === value);
}

function labelsOf(labels: Selector): string[] {
  return Object.entries(labels).map(([label, value]) => `${label}=${value}`);
}
