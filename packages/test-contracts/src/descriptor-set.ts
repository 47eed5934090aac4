import { readFileSync } from 'node:fs';

const descriptors = new URL('../descriptors/', import.meta.url);

/** The descriptor set of one of the bakery's services: "bakery.orders". */
export function descriptorSet(logicalName: string): Uint8Array {
  return readFileSync(new URL(`${logicalName}.binpb`, descriptors));
}

/** All contracts of the bakery in one descriptor set, with the lines of their .proto files. */
export function contractsWithLines(): Uint8Array {
  return descriptorSet('bakery');
}
