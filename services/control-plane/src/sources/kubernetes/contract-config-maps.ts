import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { parseContractFile } from '@weft/compiler/facts/contract-file';
import type { ContractFact } from '@weft/compiler/facts/facts';
import type { Problem } from '@weft/compiler/model/problem';
import { marks } from '@weft/compiler/pod/marks';
import { z } from 'zod';
import { type KubernetesObject, refOf } from '../../kubernetes/object.ts';

const configMapSchema = z.looseObject({ binaryData: z.record(z.string(), z.string()).nullish() });

/** Descriptor sets, and what was wrong with those that are none. */
export interface Contracts {
  readonly contracts: readonly ContractFact[];
  readonly problems: readonly Problem[];
}

/** Reads contracts from ConfigMaps. What was read once is remembered as long as its ConfigMaps are the same objects. */
export class ContractConfigMaps {
  readonly #read = new WeakMap<KubernetesObject, { parts: readonly KubernetesObject[]; outcome: Outcome }>();

  /**
   * A descriptor set is one entry of `binaryData` in a ConfigMap, or in several that have the same hash and say which part of it
   * they are, put together in that order. Its bytes must have the hash that its label says: that makes it immutable, whether or
   * not the ConfigMap is.
   */
  read(configMaps: Iterable<KubernetesObject>): Contracts {
    const groups = new Map<string, KubernetesObject[]>();
    for (const object of configMaps) {
      const { namespace = '', labels } = object.metadata;
      const key = `${namespace}/${labels?.[marks.contract]}`;
      const group = groups.get(key);
      if (group) group.push(object);
      else groups.set(key, [object]);
    }
    const contracts: ContractFact[] = [];
    const problems: Problem[] = [];
    for (const [key, group] of [...groups].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const sorted = group.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
      const outcome = this.#remembered(key, sorted);
      if ('contract' in outcome) contracts.push(outcome.contract);
      else problems.push(outcome.problem);
    }
    return { contracts, problems };
  }

  #remembered(key: string, group: readonly KubernetesObject[]): Outcome {
    const [first] = group;
    const known = first && this.#read.get(first);
    if (known && known.parts.length === group.length && known.parts.every((part, index) => part === group[index])) {
      return known.outcome;
    }
    const outcome = readGroup(key, group);
    if (first) this.#read.set(first, { parts: group, outcome });
    return outcome;
  }
}

type Outcome = { readonly contract: ContractFact } | { readonly problem: Problem };

function readGroup(key: string, group: readonly KubernetesObject[]): Outcome {
  const [namespace = '', hash = ''] = key.split('/');
  const resource = `ConfigMap ${namespace}/${group.map(({ metadata }) => metadata.name).join(', ')}`;
  const refs = group.map(refOf);
  const wrong = (field: string, message: string, advice: string): Outcome => ({
    problem: { resource, about: refs, field, message, advice },
  });
  const parts = new Map<number, Buffer>();
  let total = 0;
  for (const object of group) {
    const text = object.metadata.annotations?.[marks.contractPart] ?? '1/1';
    const [, part, of] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
    const field = `metadata.annotations["${marks.contractPart}"]`;
    if (part === undefined || Number(part) < 1 || Number(part) > Number(of)) {
      return wrong(field, `is ${JSON.stringify(text)}`, '"1/1", or which part of how many');
    }
    if (total !== 0 && total !== Number(of))
      return wrong(field, 'the parts disagree on how many there are', 'one number');
    total = Number(of);
    const data = configMapSchema.safeParse(object);
    const [entry, ...others] = Object.values((data.success ? data.data.binaryData : undefined) ?? {});
    if (entry === undefined || others.length > 0) {
      return wrong(
        'binaryData',
        `has ${entry === undefined ? 0 : others.length + 1} entries`,
        'one, the descriptor set',
      );
    }
    // A copy of a part is no harm: the hash decides.
    parts.set(Number(part), Buffer.from(entry, 'base64'));
  }
  if (parts.size < total) return wrong('', `has ${parts.size} of ${total} parts`, 'all parts in this namespace');
  const ordered = [...parts].sort(([a], [b]) => a - b).map(([, bytes]) => bytes);
  const bytes = Buffer.concat(ordered);
  const found = contractHash(bytes);
  if (found !== hash) {
    return wrong(
      `metadata.labels["${marks.contract}"]`,
      `is ${hash}, but the descriptor set has the hash ${found}; it has no effect`,
      'a new ConfigMap for each version of a contract',
    );
  }
  const outcome = parseContractFile(`contracts/${namespace}/${hash}.binpb`, bytes);
  if ('problem' in outcome) return { problem: { ...outcome.problem, resource, about: refs } };
  return { contract: { ...outcome.contract, origin: resource, refs } };
}
