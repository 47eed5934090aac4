import test from 'ava';
import { ApiError, type ApiRequest, type KubernetesApi } from '../kubernetes/api.ts';
import { cleanUp } from './cleanup.ts';

/** An API server with these objects, whose lists come in pages of one. */
function cluster(objects: Readonly<Record<string, readonly object[]>>, missing: readonly string[] = []) {
  const deleted: string[] = [];
  const api: KubernetesApi = {
    async call({ method = 'GET', path, query = {} }: ApiRequest) {
      if (method === 'DELETE') {
        if (missing.includes(path)) throw new ApiError(404, 'not found');
        deleted.push(path);
        return {};
      }
      const all = objects[`${path} ${query.labelSelector ?? query.fieldSelector ?? ''}`.trim()] ?? [];
      const at = Number(query.continue ?? 0);
      return { metadata: at + 1 < all.length ? { continue: String(at + 1) } : {}, items: all.slice(at, at + 1) };
    },
    lines: () => Promise.reject(new Error('nothing is watched')),
    close: () => {},
  };
  return { api, deleted };
}

const contract = (namespace: string, hash: string) => ({
  metadata: { namespace, name: `c-${hash}`, labels: { 'weft.dev/contract': hash } },
});

test('roots go, and contracts that no pod of their namespace serves', async (t) => {
  const { api, deleted } = cluster(
    {
      '/api/v1/configmaps metadata.name=weft-root': [
        { metadata: { namespace: 'bakery', name: 'weft-root' } },
        { metadata: { namespace: 'weft-system', name: 'weft-root' } },
      ],
      '/api/v1/pods': [
        { metadata: { namespace: 'bakery', name: 'a', labels: { 'weft.dev/contract': 'used' } } },
        {
          metadata: {
            namespace: 'bakery',
            name: 'ending',
            labels: { 'weft.dev/contract': 'old' },
            deletionTimestamp: '2026-01-01T00:00:00Z',
          },
        },
        { metadata: { namespace: 'other', name: 'b', labels: { 'weft.dev/contract': 'old' } } },
      ],
      '/api/v1/configmaps weft.dev/contract': [contract('bakery', 'used'), contract('bakery', 'old')],
      '/apis/coordination.k8s.io/v1/namespaces/weft-system/leases': [
        { metadata: { namespace: 'weft-system', name: 'weft-control-plane' } },
        { metadata: { namespace: 'weft-system', name: 'weft-replica-weft-control-plane-1' } },
        { metadata: { namespace: 'weft-system', name: 'somebody-elses' } },
      ],
    },
    ['/apis/coordination.k8s.io/v1/namespaces/weft-system/leases/weft-control-plane'],
  );
  const removed = await cleanUp(api, 'weft-system');
  t.deepEqual(removed, [
    'ConfigMap bakery/weft-root',
    'ConfigMap weft-system/weft-root',
    'ConfigMap bakery/c-old',
    'Lease weft-system/weft-replica-weft-control-plane-1',
    'ConfigMap weft-system/weft-pin',
    'ConfigMap weft-system/weft-path-claims',
    'Secret weft-system/weft-webhook-ca',
  ]);
  t.is(deleted.length, removed.length);
  t.false(deleted.some((path) => path.includes('weft-root-ca')));
});

test('what may not be removed is an error', async (t) => {
  const { api } = cluster({});
  const refusing = { ...api, call: () => Promise.reject(new ApiError(403, 'forbidden')) };
  await t.throwsAsync(cleanUp(refusing, 'weft-system'), { instanceOf: ApiError, message: 'forbidden' });
});
