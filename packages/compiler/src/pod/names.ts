import type { LogicalName } from '../model/names.ts';

// Names of objects and containers that the charts, k8s/, the injector and the control plane must agree on.

/** The namespace that an installation takes unless it is told another. */
export const systemNamespace = 'weft-system';

/** The Deployment, Service, account, roles and Lease of the control plane; and the name that its certificates have. */
export const controlPlaneName = 'weft-control-plane';

/** The host name by which proxies find the control plane of a namespace. */
export function controlPlaneHost(namespace: string): string {
  return `${controlPlaneName}.${namespace}.svc`;
}

/** The Deployment and account of the edge. */
export const edgeName = 'weft-edge';

/** The Service by which the API server calls the injector. */
export const webhookService = 'weft-webhook';

/** The MutatingWebhookConfiguration of the injector. */
export const injectorConfiguration = 'weft-injector';

/** The Secret with the authority of the injector's webhook. */
export const webhookSecret = 'weft-webhook-ca';

/** The Secret with the root of all certificates. */
export const rootSecretName = 'weft-root-ca';

/** The ConfigMap with ca-sds.yaml and root.pem, which the control plane keeps in every namespace of the mesh. */
export const rootConfigMap = 'weft-root';

/** The ConfigMap with the revision that the mesh is held at, in the control plane's own namespace. */
export const pinConfigMap = 'weft-pin';

/** The ConfigMap that says which service had a path at a gateway first, in the control plane's own namespace. */
export const claimConfigMap = 'weft-path-claims';

/** The one MeshConfig that counts. */
export const meshConfigName = 'mesh';

/** The ConfigMap with a whole contract. */
export function contractConfigMap(logicalName: LogicalName, hash: string): string {
  return `weft-contract-${logicalName}-${hash}`;
}

/** The proxy's container in every injected pod: what tells that a pod is injected. */
export const sidecarName = 'weft-proxy';

/** The container that redirects the pod's calls to its proxy, once, before anything else runs. */
export const interceptionName = 'weft-interception';

/** The audience of the tokens by which proxies show the control plane who they are. */
export const tokenAudience = 'weft';

/** The shortest life that Kubernetes gives a token. The kubelet replaces it at four fifths. */
export const tokenSeconds = 600;

/** Where a proxy finds its token, the mesh's root, and its admin socket. */
export const tokenDirectory = '/var/run/secrets/weft';
export const rootDirectory = '/etc/weft/root';
export const adminDirectory = '/var/run/weft/admin';

/** Labels of what the control plane makes itself. */
export const partOfWeft = { 'app.kubernetes.io/part-of': 'weft' } as const;
