import { rootSecretName } from '@weft/compiler/pod/names';
import { z } from 'zod';
import { ApiError, type KubernetesApi } from '../kubernetes/api.ts';
import { bundleOf, RootAuthorityError, readAuthority } from './root-authority.ts';
import type { RootStore } from './root-directory.ts';
import { type RootState, rootStateSchema } from './root-state.ts';

/** Where the root is kept. */
export interface RootSecretOptions {
  readonly api: KubernetesApi;
  /** The control plane's own namespace. */
  readonly namespace: string;
  /** Default: "weft-root-ca". */
  readonly name?: string;
}

const secretSchema = z.looseObject({
  metadata: z.looseObject({ resourceVersion: z.string() }),
  data: z.record(z.string(), z.string()).nullish(),
});

/**
 * The roots in a Secret, under the names that a root directory has: root.key, root.pem, chain.pem, and rotation.json while a
 * rotation is under way. One object, so it is replaced as a whole. It is made once; one that is there, restored from a backup,
 * is taken as it is.
 */
export class RootSecret implements RootStore {
  readonly #options: RootSecretOptions;
  readonly #path: string;
  readonly #name: string;
  #version: string | undefined;

  constructor(options: RootSecretOptions) {
    this.#options = options;
    this.#name = options.name ?? rootSecretName;
    this.#path = `/api/v1/namespaces/${options.namespace}/secrets`;
  }

  async load(): Promise<RootState | undefined> {
    let answer: unknown;
    try {
      answer = await this.#options.api.call({ path: `${this.#path}/${this.#name}` });
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) throw error;
      this.#version = undefined;
      return undefined;
    }
    const where = `the Secret ${this.#options.namespace}/${this.#name}`;
    const secret = secretSchema.safeParse(answer);
    if (!secret.success) throw new RootAuthorityError(`${where} cannot be read: restore it from a backup`);
    this.#version = secret.data.metadata.resourceVersion;
    const data = new Map<string, string>();
    for (const [name, value] of Object.entries(secret.data.data ?? {})) {
      data.set(name, Buffer.from(value, 'base64').toString('utf8'));
    }
    const state = stateOf(data, where);
    readAuthority(state.current, where, 0);
    return state;
  }

  async save(state: RootState): Promise<void> {
    const data: Record<string, string> = {};
    for (const [name, content] of Object.entries(filesOf(state))) data[name] = Buffer.from(content).toString('base64');
    const metadata = {
      name: this.#name,
      namespace: this.#options.namespace,
      labels: { 'app.kubernetes.io/part-of': 'weft' },
    };
    const secret = { apiVersion: 'v1', kind: 'Secret', type: 'Opaque', metadata, data };
    if (this.#version === undefined) {
      try {
        await this.#take({ method: 'POST', path: this.#path, body: secret });
      } catch (error) {
        // Another replica was quicker, and what it made is what counts: `load` finds it.
        if (!(error instanceof ApiError) || error.status !== 409 || state.phase !== 'steady') throw error;
      }
      return;
    }
    // With the version that was read last: what somebody else changed meanwhile is never lost.
    const body = { ...secret, metadata: { ...metadata, resourceVersion: this.#version } };
    await this.#take({ method: 'PUT', path: `${this.#path}/${this.#name}`, body });
  }

  async #take(request: { method: 'POST' | 'PUT'; path: string; body: unknown }): Promise<void> {
    const secret = secretSchema.safeParse(await this.#options.api.call(request));
    this.#version = secret.success ? secret.data.metadata.resourceVersion : undefined;
  }
}

function filesOf(state: RootState): Record<string, string> {
  const { key, chain, roots } = state.current;
  const bundle = state.phase === 'steady' ? bundleOf(roots) : bundleOf(roots, state.next.roots);
  return {
    'root.key': key,
    'root.pem': bundle,
    ...(chain === roots ? {} : { 'chain.pem': chain }),
    ...(state.phase === 'steady' ? {} : { 'rotation.json': JSON.stringify(state) }),
  };
}

function stateOf(data: ReadonlyMap<string, string>, where: string): RootState {
  const rotation = data.get('rotation.json');
  if (rotation !== undefined) {
    try {
      return rootStateSchema.parse(JSON.parse(rotation));
    } catch {
      throw new RootAuthorityError(`rotation.json in ${where} cannot be read: restore the Secret from a backup`);
    }
  }
  const [key, roots] = [data.get('root.key'), data.get('root.pem')];
  if (key === undefined || roots === undefined) {
    throw new RootAuthorityError(
      `${where} has no root.key and root.pem: restore it from a backup, or delete it for a new root`,
    );
  }
  return { phase: 'steady', current: { key, chain: data.get('chain.pem') ?? roots, roots } };
}
