import type { ExternalService } from '../model/external-service.ts';
import type { MeshSettings } from '../model/mesh.ts';
import type { Problem } from '../model/problem.ts';
import type { ResourceRef } from '../model/resource-ref.ts';
import type { Workload } from '../model/workload.ts';

/** What a source found out there: the same for YAML files on a laptop and for a Kubernetes API server. Immutable. */
export interface Facts {
  readonly settings: MeshSettings;
  readonly services: readonly ServiceFact[];
  readonly workloads: readonly Workload[];
  readonly contracts: readonly ContractFact[];
  readonly gateways: readonly GatewayFact[];
  readonly externalServices: readonly ExternalService[];
  /** Resources of the other front ends (MeshPolicy, App Mesh, Gateway API), unread. */
  readonly resources: readonly Resource[];
  /** What could not be read. */
  readonly problems: readonly Problem[];
}

/** A Service: a name, a port and which replicas stand behind it. */
export interface ServiceFact {
  readonly namespace: string;
  readonly name: string;
  readonly selector: Readonly<Record<string, string>>;
  /** The main port first: the one for gRPC, else the one that is named first. */
  readonly ports: readonly ServicePortFact[];
  /** Its virtual IP addresses; none: it has none. */
  readonly addresses: readonly string[];
  /** It says that it wants no virtual address. */
  readonly headless: boolean;
  /** Where it was read. */
  readonly origin: string;
}

/** A port of a Service. */
export interface ServicePortFact {
  readonly port: number;
  /** The pods' own port, by number or name; absent: the same number. */
  readonly targetPort?: number | string;
  readonly appProtocol?: string;
}

/** A descriptor set as it was found. */
export interface ContractFact {
  /** The namespace that it was published in. */
  readonly namespace: string;
  /** SHA-256 of `descriptorSet`, its first 16 hex digits. */
  readonly hash: string;
  readonly descriptorSet: Uint8Array;
  readonly origin: string;
  /** The resources that hold it, as ConfigMaps; absent: a file does. */
  readonly refs?: readonly ResourceRef[];
}

/** The settings of a gateway. */
export interface GatewayFact {
  readonly name: string;
  readonly reflection: boolean;
  readonly maxHeaderBytes: number;
  readonly maxHeaders: number;
  readonly maxMessageBytes: number;
  readonly corsOrigins: readonly string[];
  readonly trustedHops: number;
  readonly origin: string;
}

/** A resource in Kubernetes' shape that another front end will read. */
export interface Resource {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    /** When it was made, as RFC 3339; what an override may loosen counts from here. */
    readonly creationTimestamp?: string;
  };
  readonly spec: unknown;
  readonly origin: string;
}
