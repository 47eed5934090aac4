import { type Collection, Graph } from '@weft/collections';
import { contractFactKey, factSources } from '../facts/fact-collections.ts';
import type { ContractFact, Facts } from '../facts/facts.ts';
import type { ContractKey } from '../model/mesh.ts';
import type { Workload } from '../model/workload.ts';
import { readContract } from './read-contract.ts';

/** Contracts that are published, and those that stay after they were. */
export interface RetainedContracts {
  /** By "namespace/hash". */
  readonly contracts: Collection<ContractFact>;
  /** Those that nobody publishes any more; of one origin the latest last. */
  superseded(): readonly ContractFact[];
}

/**
 * The contracts of a mesh. The same descriptor set twice in a namespace is one contract, that of the origin which sorts first.
 * A contract that was published stays
 * - while a replica in its namespace names its hash: its policy is that replica's inbound policy until the replica is gone;
 * - while its origin holds one that is not understood, if it is the last understood one there;
 * - while a replica of an account names one that is not understood or not there, if it is the last understood one that the
 *   replicas of this account named. Releases of one service run under one account, whatever their contracts are called.
 *
 * `found`: by place. `restored`: what was published or stayed before a restart, by `placeOf`, the latest last; it counts as
 * published before.
 */
export function retainContracts(
  graph: Graph,
  found: Collection<ContractFact>,
  workloads: Collection<Workload>,
  restored: Collection<readonly ContractFact[]> = graph.constant('restored contracts', []),
): RetainedContracts {
  const byKey = found.index('by key', (contract) => [contractFactKey(contract)]);
  const published = graph.group('published contracts', byKey, (key, read) => firstOf(read.values(byKey, key)));
  const versions = versionsOfAccounts(graph, workloads);
  const byContract = versions.index('by contract', ({ contract }) => [contract]);

  const before = graph.deriveMany('contracts before', restored, (contracts) => contracts.map(keyed));
  const known = graph.union('known contracts', [published, before]);
  const current = graph.remember<ContractFact, ContractFact>(
    'published or named contracts',
    known,
    (contract, last, read, key) =>
      read.get(published, key) ?? (read.keys(byContract, key).length > 0 ? (contract ?? last) : undefined),
  );

  const ofOrigins = lastOfOrigins(graph, found, restored);
  const ofAccounts = lastOfAccounts(graph, versions, current);
  return {
    contracts: graph.union('contracts', [current, ofOrigins, ofAccounts]),
    superseded: () => {
      const gone = [current, ofAccounts, ofOrigins].flatMap((kept) =>
        kept.values().filter((contract) => !published.has(contractFactKey(contract))),
      );
      return [...new Map(gone.map((contract) => [contractFactKey(contract), contract])).values()];
    },
  };
}

/** `after` as it follows on `before`, with the contracts of `before` that stay. */
export function retained(before: Facts, after: Facts): Facts {
  const graph = new Graph();
  const { facts, replace } = factSources(graph);
  const { contracts } = retainContracts(graph, facts.contracts, facts.workloads);
  graph.turn(() => replace(before));
  graph.turn(() => replace(after));
  return { ...after, contracts: contracts.values() };
}

/** Where a contract was found: two of one place are versions of one contract. */
export function placeOf({ namespace, origin }: ContractFact): string {
  return `${namespace} ${origin}`;
}

/** A contract version that replicas of an account name. */
interface AccountVersion {
  /** "namespace/service account". */
  readonly account: string;
  readonly contract: ContractKey;
}

/** However many replicas name a version, their coming and going changes nothing here but with the first and the last. */
function versionsOfAccounts(graph: Graph, workloads: Collection<Workload>): Collection<AccountVersion> {
  const named = workloads.index('contract of account', ({ namespace, serviceAccount, contractHash }) =>
    contractHash === undefined ? [] : [`${namespace}/${serviceAccount} ${namespace}/${contractHash}`],
  );
  return graph.group('versions of accounts', named, (bucket): AccountVersion => {
    const [account = '', namespace = '', hash = ''] = /^(\S+) ([^/]+)\/(.*)$/.exec(bucket)?.slice(1) ?? [];
    return { account, contract: `${namespace}/${hash}` };
  });
}

/** The last understood contract of each origin that holds one which is not, by "namespace/hash". */
function lastOfOrigins(
  graph: Graph,
  found: Collection<ContractFact>,
  restored: Collection<readonly ContractFact[]>,
): Collection<ContractFact> {
  const byOrigin = found.index('by origin', (contract) => [placeOf(contract)]);
  const atOrigin = graph.group('contracts of origins', byOrigin, (origin, read) => read.values(byOrigin, origin)[0]);
  const memory = graph.remember<ContractFact, { readonly now: ContractFact; readonly last?: ContractFact }>(
    'last contracts of origins',
    atOrigin,
    (now, before, read, origin) => {
      if (now === undefined) return undefined;
      const key = contractFactKey(now);
      if (before && contractFactKey(before.now) === key) return { ...before, now };
      const earlier = before
        ? [...(before.last ? [before.last] : []), before.now]
        : (read.get(restored, origin)?.filter((contract) => contractFactKey(contract) !== key) ?? []);
      const last = earlier.findLast(isUnderstood);
      return last === undefined || isUnderstood(now) ? { now } : { now, last };
    },
  );
  return graph.deriveMany('contracts that their origins need', memory, ({ last }) => (last ? [keyed(last)] : []));
}

/** The last understood contracts of accounts whose replicas name one that is not, by "namespace/hash". */
function lastOfAccounts(
  graph: Graph,
  versions: Collection<AccountVersion>,
  current: Collection<ContractFact>,
): Collection<ContractFact> {
  const byAccount = versions.index('by account', ({ account }) => [account]);
  const named = graph.group('contracts of accounts', byAccount, (account, read) =>
    read.values(byAccount, account).map(({ contract }) => contract),
  );
  const memory = graph.remember<
    readonly ContractKey[],
    { readonly named: readonly ContractFact[]; readonly last: readonly ContractFact[] }
  >('last contracts of accounts', named, (keys, before, read) => {
    if (keys === undefined) return undefined;
    const now = keys.flatMap((key) => read.get(current, key) ?? []);
    const notNow = (contract: ContractFact) => !keys.some((key) => key === contractFactKey(contract));
    const dropped = before?.named.filter(notNow) ?? [];
    const last = before?.last.filter(notNow) ?? [];
    // Reading a contract costs, and most releases drop nothing that anybody misses.
    if (dropped.length + last.length === 0) return { named: now, last };
    if (now.length === keys.length && now.every(isUnderstood)) return { named: now, last: [] };
    const understood = dropped.filter(isUnderstood);
    return { named: now, last: understood.length > 0 ? understood : last };
  });
  return graph.deriveMany('contracts that accounts need', memory, ({ last }) => last.map(keyed));
}

function isUnderstood(contract: ContractFact): boolean {
  return readContract(contract).version !== undefined;
}

function keyed(contract: ContractFact): readonly [string, ContractFact] {
  return [contractFactKey(contract), contract];
}

function firstOf(contracts: readonly ContractFact[]): ContractFact | undefined {
  return contracts.reduce<ContractFact | undefined>(
    (first, contract) => (first === undefined || contract.origin < first.origin ? contract : first),
    undefined,
  );
}
