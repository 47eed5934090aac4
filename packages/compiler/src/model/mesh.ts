import type { AccessLogLevel } from './access-log.ts';
import type { ContractVersion } from './contract.ts';
import type { ExternalService } from './external-service.ts';
import type { Gateway } from './gateway.ts';
import type { MeshLookups } from './lookups.ts';
import type { ContractKey, LogicalName, ServiceId, SpiffeId, WorkloadId } from './names.ts';
import type { OutboundRule, UndeclaredCalls } from './outbound-rule.ts';
import type { Override } from './override.ts';
import type { Problem } from './problem.ts';
import type { Quotas } from './quotas.ts';
import type { Route } from './route.ts';
import type { Service } from './service.ts';
import type { Workload } from './workload.ts';

export type { ContractKey, LogicalName, ServiceId, SpiffeId, WorkloadId } from './names.ts';

/**
 * The mesh at one moment: what the front ends understood, and nothing about how Envoy or Kubernetes would say it.
 *
 * Immutable. A new fact makes a new mesh that shares every part that did not change, so that `===` tells what did.
 */
export interface Mesh {
  readonly settings: MeshSettings;
  /** By `ServiceId`. */
  readonly services: ReadonlyMap<ServiceId, Service>;
  /** By `WorkloadId`; every replica, ready or not, gateways included. */
  readonly workloads: ReadonlyMap<WorkloadId, Workload>;
  /** By name. The edge is the gateway named "edge". */
  readonly gateways: ReadonlyMap<string, Gateway>;
  /** What route resources say, by keys of their front ends. */
  readonly routes: ReadonlyMap<string, Route>;
  /** By id, in order. */
  readonly externalServices: readonly ExternalService[];
  /** Every contract version that counts, by `ContractKey`; one that a replica still runs stays after its source is gone. */
  readonly contracts: ReadonlyMap<ContractKey, ContractVersion>;
  /** Who speaks under each logical name, gateways included; an account that several names share is in none. */
  readonly identities: ReadonlyMap<LogicalName, readonly SpiffeId[]>;
  /** Accounts that several names share, which only a rule that names all of them admits; "" is a service without a name. */
  readonly sharedIdentities: ReadonlyMap<SpiffeId, readonly LogicalName[]>;
  /** Every MeshOverride, by namespace and name: those that hold, those that have ended and those that are refused. */
  readonly overrides: readonly Override[];
  /** Epoch milliseconds: the next moment at which time alone makes this another mesh; absent: never. */
  readonly nextChangeMs?: number | undefined;
  /** What was not understood. The parts that it names keep their last good form. */
  readonly problems: readonly Problem[];
  readonly lookups: MeshLookups;
}

/** What holds for the whole mesh. */
export interface MeshSettings {
  /** Where they were read ("mesh.yaml"); absent: nobody has said anything. */
  readonly origin?: string;
  /** The authority of every SPIFFE ID. Default: "weft.local". */
  readonly trustDomain: string;
  /**
   * Which namespace speaks for which proto packages: a prefix of whole package parts ("bakery" covers "bakery.orders.v1").
   * A contract for a package that its namespace does not own has no effect and is a problem.
   */
  readonly packages: readonly PackageOwnership[];
  /**
   * Which namespace may be exposed at which gateway, under which host names and REST paths. Default: no rows, every namespace at every
   * gateway under all of them. With any row, what no row admits is exposed nowhere.
   */
  readonly exposure: readonly ExposureRow[];
  /** Where spans go; absent: no tracing. */
  readonly tracing?: TracingSettings;
  /** Which calls get a line in the access log. Default: sampled, those that failed, were slow or are in a sampled trace. */
  readonly accessLog: AccessLogLevel;
  /** The same for the workloads of some namespaces; the first row of a namespace counts. Default: no rows. */
  readonly accessLogs: readonly AccessLogRow[];
  /** How long a workload certificate lives. Default: 24 h. */
  readonly certificateLifetimeMs: number;
  /** What becomes of calls to a destination that is neither the mesh's nor declared. Default: allow. */
  readonly outbound: UndeclaredCalls;
  /** The same for some workloads; the first rule about a workload counts. Default: no rules. */
  readonly outbounds?: readonly OutboundRule[];
  /** Where calls in plain text are taken besides those by mTLS. Default: nowhere. */
  readonly permissive: readonly PermissiveRule[];
  /** Calls stay in the caller's zone as far as that overloads nobody. Default: false, all replicas get the same from everybody. */
  readonly zoneAware: boolean;
  /** How much each contract and each namespace may publish. */
  readonly quotas: Quotas;
}

/** One row of `MeshSettings.accessLogs`. */
export interface AccessLogRow {
  readonly namespace: string;
  readonly level: AccessLogLevel;
}

/** Workloads that take calls in plain text: all that is given must hold. */
export interface PermissiveRule {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The replica's own port; absent: all. */
  readonly port?: number;
}

/** One row of `MeshSettings.packages`. */
export interface PackageOwnership {
  readonly namespace: string;
  readonly protoPackage: string;
}

/** One row of `MeshSettings.exposure`. */
export interface ExposureRow {
  readonly namespace: string;
  /** By name. Default: "edge". */
  readonly gateway: string;
  /**
   * Prefixes of REST paths, whole segments: "/v1/products" covers "/v1/products/{id}" and "/v1/products:search". The longest that covers
   * a path says whose it is. Empty: gRPC only. Default: "/".
   */
  readonly paths: readonly string[];
  /** Host names: "api.example.com", "*.example.com". Empty: all that no other row gives to somebody. */
  readonly hosts: readonly string[];
}

/** An OTLP/gRPC collector. */
export interface TracingSettings {
  readonly host: string;
  readonly port: number;
  /** Of the traces that nobody upstream has decided about, in percent: 0 to 100. Default: 100. */
  readonly samplingPercent: number;
}
