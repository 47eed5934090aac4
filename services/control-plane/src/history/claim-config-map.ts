import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gunzipSync, gzip } from 'node:zlib';
import { claimConfigMap } from '@weft/compiler/pod/names';
import type { StoredClaims } from '@weft/compiler/translation/path-claims';
import { z } from 'zod';
import { ApiError, type KubernetesApi } from '../kubernetes/api.ts';
import { listSchema } from '../kubernetes/object.ts';
import { type ClaimStore, readClaims, writeClaims } from './claim-store.ts';

const compress = promisify(gzip);

const key = 'claims.json.gz';

/** What etcd takes of one object, less some for its metadata: some 50,000 paths. */
const maxBytes = 1_000_000;

/** What a ConfigMap of claims is unpacked to at most. */
const maxUnpackedBytes = 64 << 20;

const configMapSchema = z.object({ binaryData: z.record(z.string(), z.string()).nullish() });

/** Keeps claims in a cluster, where each replica that starts finds them. */
export class ClaimConfigMap implements ClaimStore {
  readonly place = `the ConfigMap ${claimConfigMap}`;
  readonly #api: KubernetesApi;
  readonly #namespace: string;
  readonly #retryMs: number;

  /** `retryMs`: how long it waits before it asks again for what the API server has not given. Default: 1 s. */
  constructor(options: { readonly api: KubernetesApi; readonly namespace: string; readonly retryMs?: number }) {
    this.#api = options.api;
    this.#namespace = options.namespace;
    this.#retryMs = options.retryMs ?? 1000;
  }

  /** Resolves once the API server has said what there is, however long that takes: without it a newcomer could not be told. */
  async load(): Promise<StoredClaims> {
    for (;;) {
      const found = await this.#look().catch(() => undefined);
      if (found === undefined) {
        await sleep(this.#retryMs);
        continue;
      }
      const [object] = found;
      const packed = object === undefined ? undefined : configMapSchema.parse(object).binaryData?.[key];
      if (packed === undefined) return {};
      const unpacked = gunzipSync(Buffer.from(packed, 'base64'), { maxOutputLength: maxUnpackedBytes });
      return readClaims(unpacked.toString());
    }
  }

  async save(claims: StoredClaims): Promise<void> {
    const content = (await compress(writeClaims(claims))).toString('base64');
    if (content.length > maxBytes) {
      throw new RangeError(`they take ${content.length} bytes, and a ConfigMap holds ${maxBytes}`);
    }
    const labels = { 'app.kubernetes.io/managed-by': 'weft', 'app.kubernetes.io/part-of': 'weft' };
    const metadata = { name: claimConfigMap, namespace: this.#namespace, labels };
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata, binaryData: { [key]: content } };
    try {
      await this.#api.call({ method: 'PUT', path: `${this.#path()}/${claimConfigMap}`, body });
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) throw error;
      await this.#api.call({ method: 'POST', path: this.#path(), body });
    }
  }

  async #look(): Promise<readonly unknown[]> {
    const query = { fieldSelector: `metadata.name=${claimConfigMap}` };
    return listSchema.parse(await this.#api.call({ path: this.#path(), query })).items ?? [];
  }

  #path(): string {
    return `/api/v1/namespaces/${this.#namespace}/configmaps`;
  }
}
