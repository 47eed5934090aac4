import { create } from '@bufbuild/protobuf';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { ProxySync, type Revision, RevisionSchema, type WhyResponse } from '@weft/api/weft/api/v1/mesh';

/** The replicas of a control plane push the same content within this time of each other. */
const sameMs = 10_000;

/** Merges the histories of several control plane replicas, newest first. Each proxy is connected to one of them. */
export function mergeRevisions(histories: readonly (readonly Revision[])[]): Revision[] {
  const [only, ...others] = histories;
  if (others.length === 0) return [...(only ?? [])];
  const merged: Revision[] = [];
  for (const revision of histories.flat().sort((a, b) => atMs(a) - atMs(b))) {
    const same = merged.findLast(({ id }) => id === revision.id);
    if (same === undefined || atMs(revision) - atMs(same) > sameMs) merged.push(create(RevisionSchema, revision));
    else {
      same.sent += revision.sent;
      same.acknowledged += revision.acknowledged;
      same.answers = [...same.answers, ...revision.answers];
      same.endpointsOnly &&= revision.endpointsOnly;
    }
  }
  return merged.reverse();
}

/** Merges the explanations of one call from several control plane replicas. Each knows only the state of its own proxies. */
export function mergeExplanations([first, ...others]: readonly [WhyResponse, ...WhyResponse[]]): WhyResponse {
  for (const step of first.steps) {
    for (const value of step.values) {
      if (value.proxySync !== ProxySync.NOT_CONNECTED) continue;
      const knows = others
        .flatMap(({ steps }) => steps.filter(({ name }) => name === step.name))
        .flatMap(({ values }) => values.filter(({ name }) => name === value.name))
        .find(({ proxySync }) => proxySync !== ProxySync.NOT_CONNECTED);
      if (knows) Object.assign(value, { source: knows.source, proxySync: knows.proxySync });
    }
  }
  return first;
}

function atMs({ at }: Revision): number {
  return at === undefined ? 0 : timestampMs(at);
}
