import { isDeepStrictEqual } from 'node:util';
import type { Facts } from './facts.ts';

/** `next` with every part that equals a part of `previous` replaced by that part, so that `===` tells what changed. */
export function shareFacts(previous: Facts | undefined, next: Facts): Facts {
  if (previous === undefined) return next;
  const shared: Facts = {
    settings: isDeepStrictEqual(previous.settings, next.settings) ? previous.settings : next.settings,
    services: shareList(previous.services, next.services, (service) => `${service.namespace}/${service.name}`),
    workloads: shareList(previous.workloads, next.workloads, (workload) => workload.id),
    contracts: shareList(previous.contracts, next.contracts, (contract) => `${contract.origin} ${contract.hash}`),
    gateways: shareList(previous.gateways, next.gateways, (gateway) => gateway.name),
    externalServices: shareList(previous.externalServices, next.externalServices, (service) => service.id),
    resources: shareList(previous.resources, next.resources, ({ apiVersion, kind, metadata }) =>
      [apiVersion, kind, metadata.namespace, metadata.name].join(' '),
    ),
    problems: shareList(previous.problems, next.problems, (problem) => `${problem.resource} ${problem.message}`),
  };
  const unchanged =
    shared.settings === previous.settings &&
    shared.services === previous.services &&
    shared.workloads === previous.workloads &&
    shared.contracts === previous.contracts &&
    shared.gateways === previous.gateways &&
    shared.externalServices === previous.externalServices &&
    shared.resources === previous.resources &&
    shared.problems === previous.problems;
  return unchanged ? previous : shared;
}

function shareList<T>(previous: readonly T[], next: readonly T[], key: (item: T) => string): readonly T[] {
  const same = new Set(previous);
  let known: Map<string, T> | undefined;
  const shared = next.map((item) => {
    if (same.has(item)) return item;
    known ??= new Map(previous.map((each) => [key(each), each]));
    const before = known.get(key(item));
    return before !== undefined && isDeepStrictEqual(before, item) ? before : item;
  });
  return shared.length === previous.length && shared.every((item, index) => item === previous[index])
    ? previous
    : shared;
}
