import { Chart } from 'cdk8s';
import type { Construct } from 'constructs';
import { PublishedContract, readContract } from './contracts.ts';
import { DatabaseSetup } from './database-setup.ts';
import type { Images } from './images.ts';
import { namespaces, shopServices } from './names.ts';
import { EvaluationPostgres } from './postgres.ts';
import { ShopServiceDeployment } from './shop-service.ts';

/** What the shop depends on. */
export interface ShopOptions {
  /** The repository. */
  readonly root: string;
  readonly images: Images;
  /** An OTLP/gRPC collector, "http://host:4317"; absent: no spans leave. */
  readonly otlpEndpoint?: string;
}

/** The shop: PostgreSQL, its roles and schemas, four services and their contracts. */
export class Shop extends Chart {
  constructor(scope: Construct, id: string, options: ShopOptions) {
    super(scope, id, { namespace: namespaces.shop, disableResourceNameHashes: true });
    const { root, images, otlpEndpoint } = options;
    new EvaluationPostgres(this, 'postgres');
    new DatabaseSetup(this, 'database-setup', { images });
    for (const service of shopServices) {
      const contract = readContract(root, service.logicalName);
      new PublishedContract(this, `${service.name}-contract`, contract);
      new ShopServiceDeployment(this, service.name, {
        service,
        images,
        contract,
        ...(otlpEndpoint ? { otlpEndpoint } : {}),
      });
    }
  }
}
