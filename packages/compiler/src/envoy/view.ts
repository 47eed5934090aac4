import type { WorkloadId } from '../model/mesh.ts';
import type { BackEnd } from './back-end.ts';
import { heldNames, heldResource, now } from './held.ts';
import type { Resource, TypeUrl, View } from './resource.ts';

/** What one connected proxy should hold: names of what it shares with others, looked up where they are. Secrets are not among them. */
export class ProxyView implements View {
  readonly #of: BackEnd;
  readonly #id: WorkloadId;

  constructor(backEnd: BackEnd, id: WorkloadId) {
    this.#of = backEnd;
    this.#id = id;
  }

  get(typeUrl: TypeUrl, name: string): Resource | undefined {
    const proxy = this.#of.proxies.proxies.get(this.#id);
    return proxy && heldResource(this.#of, now, proxy, typeUrl, name);
  }

  names(typeUrl: TypeUrl): Iterable<string> {
    const proxy = this.#of.proxies.proxies.get(this.#id);
    return proxy ? heldNames(this.#of, now, proxy, typeUrl) : [];
  }
}
