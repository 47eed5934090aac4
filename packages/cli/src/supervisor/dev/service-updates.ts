import { reasonOf } from '../../command-error.ts';
import type { ServiceManifest } from '../../service-manifest.ts';
import { formatDuration } from '../../terminal/duration.ts';
import type { DevMesh } from './dev-mesh.ts';

/** What a service should run, and since when the user waits for it. */
export interface ServiceUpdate {
  readonly service: ServiceManifest;
  /** Epoch milliseconds. */
  readonly savedAt: number;
}

/** Updates services in the mesh, each to its last edit: a later edit replaces one that does not serve yet. */
export class ServiceUpdates {
  readonly #mesh: DevMesh;
  readonly #say: (sentence: string) => void;
  readonly #signal: AbortSignal;
  readonly #wanted = new Map<string, ServiceUpdate>();
  readonly #working = new Map<string, { readonly abort: AbortController; readonly done: Promise<void> }>();

  constructor(mesh: DevMesh, say: (sentence: string) => void, signal: AbortSignal) {
    this.#mesh = mesh;
    this.#say = say;
    this.#signal = signal;
  }

  /** Starts to update a service in the mesh, and reports the result. */
  begin(update: ServiceUpdate): void {
    const { name } = update.service;
    // A wait for the previous edit becomes a wait for this one.
    const savedAt = Math.min(update.savedAt, this.#wanted.get(name)?.savedAt ?? update.savedAt);
    this.#wanted.set(name, { ...update, savedAt });
    const working = this.#working.get(name);
    if (working) {
      working.abort.abort();
      return;
    }
    void this.#work(name);
  }

  /** Removes a service after its current update, and reports it. */
  async end(name: string): Promise<void> {
    this.#wanted.delete(name);
    const working = this.#working.get(name);
    working?.abort.abort();
    await working?.done;
    try {
      await this.#mesh.remove(name);
      this.#say(`${name} left the mesh`);
    } catch (error) {
      this.#say(`${name} did not leave the mesh: ${reasonOf(error)}`);
    }
  }

  async #work(name: string): Promise<void> {
    for (let update = this.#wanted.get(name); update && !this.#signal.aborted; update = this.#wanted.get(name)) {
      this.#wanted.delete(name);
      const abort = new AbortController();
      const work = this.#put(update, AbortSignal.any([abort.signal, this.#signal]));
      this.#working.set(name, { abort, done: work });
      await work;
      this.#working.delete(name);
    }
  }

  async #put(update: ServiceUpdate, signal: AbortSignal): Promise<void> {
    const { service, savedAt } = update;
    try {
      const what = await this.#mesh.put(service, signal);
      if (what === 'held')
        this.#say(`${service.name} runs under \`weft run\`, or waits for it; restart it there to see the edit`);
      else this.#say(`${service.name} ${what} in ${formatDuration(Date.now() - savedAt)}`);
    } catch (error) {
      const next = this.#wanted.get(service.name);
      if (next) this.#wanted.set(service.name, { ...next, savedAt: Math.min(savedAt, next.savedAt) });
      else if (!signal.aborted) this.#say(reasonOf(error));
    }
  }
}
