import { marks } from '@weft/compiler/pod/marks';
import { claimConfigMap, pinConfigMap, rootConfigMap, webhookSecret } from '@weft/compiler/pod/names';
import { z } from 'zod';
import { ApiError, type KubernetesApi } from '../kubernetes/api.ts';
import { type KubernetesObject, listSchema, objectSchema } from '../kubernetes/object.ts';

/** What was removed, each as "ConfigMap shop/weft-root". */
export type Removed = readonly string[];

/** What the control plane keeps in its own namespace and nobody needs after it. The root's Secret is none of that. */
const ownLease = /^weft-(control-plane$|replica-)/;

/**
 * Removes what the control plane has made in a cluster, when it is gone for good: the root's ConfigMap in every namespace, contracts
 * that no pod serves any more, the revision that the mesh is held at, its Leases and the authority of its webhook. What is gone already is no error.
 */
export async function cleanUp(api: KubernetesApi, namespace: string): Promise<Removed> {
  const removed: string[] = [];
  const remove = async (what: string, path: string) => {
    try {
      await api.call({ method: 'DELETE', path });
      removed.push(what);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) throw error;
    }
  };
  const removeConfigMap = ({ metadata: { namespace: place = '', name } }: KubernetesObject) =>
    remove(`ConfigMap ${place}/${name}`, `/api/v1/namespaces/${place}/configmaps/${name}`);

  const roots = await list(api, '/api/v1/configmaps', { fieldSelector: `metadata.name=${rootConfigMap}` });
  for (const root of roots) await removeConfigMap(root);

  // A release that has just gone leaves pods that still end.
  const pods = (await list(api, '/api/v1/pods', {})).filter(({ metadata }) => !metadata.deletionTimestamp);
  const served = new Set(pods.map((pod) => `${pod.metadata.namespace}/${contractOf(pod)}`));
  for (const contract of await list(api, '/api/v1/configmaps', { labelSelector: marks.contract })) {
    if (!served.has(`${contract.metadata.namespace}/${contractOf(contract)}`)) await removeConfigMap(contract);
  }
  const leases = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
  for (const { metadata } of await list(api, leases, {})) {
    if (ownLease.test(metadata.name)) await remove(`Lease ${namespace}/${metadata.name}`, `${leases}/${metadata.name}`);
  }
  for (const name of [pinConfigMap, claimConfigMap]) {
    await remove(`ConfigMap ${namespace}/${name}`, `/api/v1/namespaces/${namespace}/configmaps/${name}`);
  }
  await remove(`Secret ${namespace}/${webhookSecret}`, `/api/v1/namespaces/${namespace}/secrets/${webhookSecret}`);
  return removed;
}

function contractOf({ metadata }: KubernetesObject): string | undefined {
  return metadata.labels?.[marks.contract] ?? metadata.annotations?.[marks.contract];
}

async function list(api: KubernetesApi, path: string, query: Readonly<Record<string, string>>) {
  const objects: KubernetesObject[] = [];
  let more: string | undefined;
  do {
    const answer = await api.call({ path, query: { ...query, limit: '500', continue: more } });
    const page = listSchema.parse(answer);
    objects.push(...z.array(objectSchema).parse(page.items ?? []));
    more = page.metadata.continue || undefined;
  } while (more !== undefined);
  return objects;
}
