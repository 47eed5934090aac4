import type { ServiceManifest } from '../../service-manifest.ts';

/** What `weft dev` does to a running mesh. */
export interface DevMesh {
  /** The running services. */
  readonly services: readonly ServiceManifest[];
  /**
   * Runs a service with this manifest, its last generated contract and its current code. A running service gets new processes without a
   * failed call; a new service joins. Resolves when it serves, or with "held" if somebody else starts its process.
   *
   * @throws CommandError if it does not serve; the previous version, if any, keeps running.
   */
  put(service: ServiceManifest, signal: AbortSignal): Promise<'joined' | 'restarted' | 'held'>;
  /** Shows with the status of the mesh that an edit is not in it, until another message or undefined takes the place of `message`. */
  note(subject: string, message: string | undefined): void;
  /** Takes a service out of the mesh. */
  remove(name: string): Promise<void>;
}
