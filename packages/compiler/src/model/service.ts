import type { AccessLogLevel } from './access-log.ts';
import type { ContractVersion } from './contract.ts';
import type { Method } from './method.ts';
import type { LogicalName, ServiceId, SpiffeId, WorkloadId } from './names.ts';
import type { RetryBudget } from './retry-budget.ts';

/** A destination of calls: a name with replicas behind it. */
export interface Service {
  readonly id: ServiceId;
  readonly namespace: string;
  readonly name: string;
  /** Host names that callers may use, without port; the first is canonical. */
  readonly hosts: readonly string[];
  /** Its main port: the one that its contract or its MeshPolicy is about. */
  readonly port: number;
  /** Spoken by the application at the main port; from the contract or appProtocol, never sniffed. */
  readonly protocol: Protocol;
  /** Nobody says who may call its main port: it has no contract, not even a broken one, and no MeshPolicy. */
  readonly ungoverned: boolean;
  /** Ports besides the main one. */
  readonly otherPorts: readonly ServicePort[];
  /** Its virtual IP addresses; none without Kubernetes, or when it is headless. */
  readonly addresses: readonly string[];
  /** Callers find the addresses of its replicas in DNS and choose one. */
  readonly headless: boolean;
  /** Its name in contracts; absent without a contract that counts. */
  readonly logicalName?: LogicalName;
  /** Who its replicas are. A caller accepts these server names and no others. */
  readonly identities: readonly SpiffeId[];
  /** Contract versions that its replicas run, by hash. Inbound policy is the replica's own version's. */
  readonly versions: ReadonlyMap<string, ContractVersion>;
  /**
   * What callers see: the union of the methods of all versions with ready replicas; a method is retried only if every version
   * that has it allows it, and its deadline is the longest. By path ("/bakery.orders.v1.OrderService/PlaceOrder").
   */
  readonly methods: ReadonlyMap<string, Method>;
  /** What retries towards this service may add. One a cluster, so one a service. */
  readonly retryBudget: RetryBudget;
  /** For each replica; absent: no limit. */
  readonly maxConcurrentRequests?: number;
  /** Which calls of its replicas get a line in the access log; absent: what its namespace or the mesh says. */
  readonly accessLog?: AccessLogLevel;
  /** Whom it says it calls, in any of its versions, sorted: see `ContractVersion`. */
  readonly calls: readonly (LogicalName | ServiceId)[];
  /** Its replicas, ready or not, in name order. */
  readonly workloads: readonly WorkloadId[];
}

/** What an application speaks at a port; `http` is HTTP/1.1. */
export type Protocol = 'grpc' | 'http' | 'http2' | 'tcp';

/** A port of a service. */
export interface ServicePort {
  readonly port: number;
  readonly protocol: Protocol;
}
