import { App } from 'cdk8s';
import { CustomResourceDefinitions } from './crds.ts';
import type { Images } from './images.ts';
import { Namespaces } from './namespaces.ts';
import { Shop } from './shop.ts';
import { Weft, WeftInCluster } from './weft.ts';

/** What the environment depends on. */
export interface EnvironmentOptions {
  /** The repository. */
  readonly root: string;
  readonly images: Images;
  /** Where manifests are written. Default: nowhere but in memory. */
  readonly outdir?: string;
}

/** The whole local environment: one file a chart, in the order in which they are applied. */
export function environment(options: EnvironmentOptions): App {
  const { root, images, outdir } = options;
  const app = new App({ ...(outdir ? { outdir } : {}) });
  const charts = [
    new Namespaces(app, 'namespaces'),
    new CustomResourceDefinitions(app, 'definitions', { root }),
    new WeftInCluster(app, 'weft-in-cluster'),
    new Weft(app, 'weft', { images }),
    new Shop(app, 'shop', { root, images }),
  ];
  for (const [index, chart] of charts.entries()) {
    const before = charts[index - 1];
    if (before) chart.addDependency(before);
  }
  return app;
}
