import { type App, Chart } from 'cdk8s';

/** A Kubernetes object, as far as the tests read it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: {
    readonly selector?: Readonly<Record<string, string>>;
    readonly template?: PodTemplate;
    readonly ports?: readonly {
      readonly port: number;
      readonly targetPort?: number | string;
      readonly nodePort?: number;
    }[];
  };
  readonly immutable?: boolean;
  readonly data?: Readonly<Record<string, string>>;
  readonly binaryData?: Readonly<Record<string, string>>;
  readonly rules?: readonly object[];
  readonly webhooks?: readonly object[];
}

/** What a workload makes pods of. */
export interface PodTemplate {
  readonly metadata?: Manifest['metadata'];
  readonly spec: {
    readonly serviceAccountName?: string;
    readonly hostNetwork?: boolean;
    readonly securityContext?: { readonly runAsNonRoot?: boolean; readonly seccompProfile?: { readonly type: string } };
    readonly initContainers?: readonly Container[];
    readonly containers: readonly Container[];
  };
}

/** A container, as far as the tests read it. */
export interface Container {
  readonly name: string;
  readonly image: string;
  readonly imagePullPolicy?: string;
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
  readonly securityContext?: {
    readonly allowPrivilegeEscalation?: boolean;
    readonly readOnlyRootFilesystem?: boolean;
    readonly capabilities?: { readonly drop?: readonly string[] };
  };
}

/** All objects of an app, in the order in which they are applied. */
export function manifestsOf(app: App): readonly Manifest[] {
  return app.charts.flatMap((chart) => (chart instanceof Chart ? chart.toJson() : []));
}

/** The pods that workloads make, each with "kind namespace/name" of its workload. */
export function podsIn(
  manifests: readonly Manifest[],
): readonly { readonly owner: string; readonly pod: PodTemplate }[] {
  return manifests.flatMap(({ kind, metadata, spec }) =>
    spec?.template ? [{ owner: `${kind} ${metadata.namespace ?? ''}/${metadata.name}`, pod: spec.template }] : [],
  );
}
