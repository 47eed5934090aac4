import type { Collection, Graph } from '@weft/collections';
import { contractHash } from '@weft/compiler/contracts/contract-hash';
import type { ContractFact } from '@weft/compiler/facts/facts';
import { parseContractFile } from '@weft/compiler/mesh-directory/contract-file';
import type { Problem } from '@weft/compiler/model/problem';
import { marks } from '@weft/compiler/pod/marks';
import { z } from 'zod';
import { type KubernetesObject, refOf } from '../../kubernetes/object.ts';

const configMapSchema = z.looseObject({ binaryData: z.record(z.string(), z.instanceof(Uint8Array)).nullish() });

/** Descriptor sets, and what was wrong with those that are none; by "namespace/hash". */
export interface Contracts {
  readonly found: Collection<ContractFact>;
  readonly problems: Collection<readonly Problem[]>;
}

/**
 * Reads contracts from ConfigMaps. A descriptor set is one entry of `binaryData` in a ConfigMap, or in several that have the same
 * hash and say which part of it they are, put together in that order. Its bytes must have the hash that its label says: that makes
 * it immutable, whether or not the ConfigMap is.
 */
export function contractConfigMaps(graph: Graph, configMaps: Collection<KubernetesObject>): Contracts {
  const byVersion = configMaps.index('by version', ({ metadata: { namespace = '', labels } }) => [
    `${namespace}/${labels?.[marks.contract]}`,
  ]);
  const outcomes = graph.group('contracts in ConfigMaps', byVersion, (key, read) =>
    readGroup(key, read.values(byVersion, key)),
  );
  return {
    found: graph.derive('contracts of ConfigMaps', outcomes, (outcome) =>
      'contract' in outcome ? outcome.contract : undefined,
    ),
    problems: graph.deriveMany('problems of ConfigMaps', outcomes, (outcome, _, key) =>
      'problem' in outcome ? [[`ConfigMap ${key}`, [outcome.problem]]] : [],
    ),
  };
}

type Outcome = { readonly contract: ContractFact } | { readonly problem: Problem };

function readGroup(key: string, group: readonly KubernetesObject[]): Outcome {
  const [namespace = '', hash = ''] = key.split('/');
  const resource = `ConfigMap ${namespace}/${group.map(({ metadata }) => metadata.name).join(', ')}`;
  const refs = group.map(refOf);
  const wrong = (field: string, message: string, advice: string): Outcome => ({
    problem: { resource, about: refs, field, message, advice },
  });
  const parts = new Map<number, Uint8Array>();
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
    parts.set(Number(part), entry);
  }
  if (parts.size < total) return wrong('', `has ${parts.size} of ${total} parts`, 'all parts in this namespace');
  const ordered = [...parts].sort(([a], [b]) => a - b).map(([, bytes]) => bytes);
  const [whole] = ordered;
  const bytes = whole && total === 1 ? whole : Buffer.concat(ordered);
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
