import { App } from 'cdk8s';
import type { Images } from './images.ts';
import { Namespaces } from './namespaces.ts';
import { Shop } from './shop.ts';

/** What the environment depends on. */
export interface EnvironmentOptions {
  /** The repository. */
  readonly root: string;
  readonly images: Images;
  /** Where manifests are written. Default: nowhere but in memory. */
  readonly outdir?: string;
}

/** The whole local environment, in the order in which it is applied. */
export function environment(options: EnvironmentOptions): App {
  const { root, images, outdir } = options;
  const app = new App({ ...(outdir ? { outdir } : {}) });
  new Namespaces(app, '0-namespaces');
  new Shop(app, '2-shop', { root, images });
  return app;
}
