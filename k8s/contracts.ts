import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { marks } from '@weft/compiler/pod/marks';
import { contractConfigMap } from '@weft/compiler/pod/names';
import { k8s as kubernetes } from 'cdk8s-plus-33';
import { Construct } from 'constructs';

/** A descriptor set and the hash that names it. */
export interface Contract {
  readonly logicalName: string;
  readonly hash: string;
  readonly descriptorSet: Buffer;
}

/** The contract of a logical service as `make generate` made it. Throws where it has not run. */
export function readContract(root: string, logicalName: string): Contract {
  const file = join(root, 'contracts', logicalName.slice(logicalName.lastIndexOf('.') + 1), 'descriptor.binpb');
  if (!existsSync(file)) throw new Error(`${file} is missing: run make generate`);
  const descriptorSet = readFileSync(file);
  return { logicalName, hash: contractHash(descriptorSet), descriptorSet };
}

/** Publishes a contract in its namespace, under its hash: what pods with that hash promise never changes. */
export class PublishedContract extends Construct {
  constructor(scope: Construct, id: string, contract: Contract) {
    super(scope, id);
    new kubernetes.KubeConfigMap(this, 'descriptor-set', {
      metadata: {
        name: contractConfigMap(contract.logicalName, contract.hash),
        labels: { [marks.contract]: contract.hash },
        annotations: { [marks.contractName]: contract.logicalName, [marks.contractPart]: '1/1' },
      },
      immutable: true,
      binaryData: { [`${contract.logicalName}.binpb`]: contract.descriptorSet.toString('base64') },
    });
  }
}
