import type { ServiceManifest } from '../../service-manifest.ts';

/** What `weft dev` does to a running mesh. */
export interface DevMesh {
  /** The services as they run now. */
  readonly services: readonly ServiceManifest[];
  /**
   * Runs a service by this manifest, by its contract as it was generated last and by its code as it is now: a service that runs
   * already gets new processes without a failed call, another one joins. Resolves when it serves; with "held" when its process is
   * somebody else's to start.
   *
   * @throws CommandError when it does not serve; one that ran before goes on as it was.
   */
  put(service: ServiceManifest, signal: AbortSignal): Promise<'joined' | 'restarted' | 'held'>;
  /** Takes a service out of the mesh. */
  remove(name: string): Promise<void>;
}
