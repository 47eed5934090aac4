import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { weftApiVersion } from '@weft/compiler/model/resource-ref';
import { parse, stringify } from 'yaml';
import { writeFileAtomically } from '../atomic-file.ts';

/** What `weft override` writes; the fields of `weft.dev/v1 MeshOverride`. */
export interface OverrideManifest {
  readonly namespace: string;
  readonly name: string;
  /** Epoch milliseconds. The control plane limits how long after this time an override may loosen a contract. */
  readonly createdMs: number;
  readonly spec: {
    readonly service: string;
    readonly methods?: readonly string[];
    readonly deny?: readonly string[];
    readonly allow?: readonly string[];
    readonly noRetry?: boolean;
    readonly deadline?: string;
    readonly rateLimits?: readonly { readonly caller: string; readonly requests: number; readonly per: string }[];
    readonly reason: string;
    /** RFC 3339. */
    readonly expires?: string;
    readonly by: string;
  };
}

/** `weft.dev/v1 MeshOverride`. */
export function overrideYaml({ namespace, name, createdMs, spec }: OverrideManifest): string {
  return stringify({
    apiVersion: weftApiVersion,
    kind: 'MeshOverride',
    metadata: { namespace, name, creationTimestamp: new Date(createdMs).toISOString() },
    spec,
  });
}

/** Writes an override to the user's folder of a mesh directory, atomically. */
export function writeOverride(userMesh: string, manifest: OverrideManifest): string {
  mkdirSync(userMesh, { recursive: true });
  const path = join(userMesh, `override-${manifest.namespace}.${manifest.name}.yaml`);
  writeFileAtomically(path, overrideYaml(manifest));
  return path;
}

/**
 * Removes the override of that name from the user's folder of a mesh directory, even if another tool wrote the file, and returns the file.
 * Undefined if no file there contains that override and nothing else.
 */
export function removeOverride(userMesh: string, namespace: string, name: string): string | undefined {
  for (const file of yamlFiles(userMesh)) {
    const path = join(userMesh, file);
    const document: unknown = readYaml(path);
    if (!isOverride(document)) continue;
    const { metadata } = document;
    if (metadata.name !== name || (metadata.namespace ?? 'default') !== namespace) continue;
    rmSync(path);
    return path;
  }
  return undefined;
}

function yamlFiles(directory: string): string[] {
  try {
    return readdirSync(directory).filter((file) => /\.ya?ml$/.test(file));
  } catch {
    return [];
  }
}

/** Weft does not remove a file with several documents, or a broken one. */
function readYaml(path: string): unknown {
  try {
    return parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

function isOverride(value: unknown): value is { metadata: { name: unknown; namespace?: unknown } } {
  if (typeof value !== 'object' || value === null || !('kind' in value) || value.kind !== 'MeshOverride') return false;
  return (
    'metadata' in value && typeof value.metadata === 'object' && value.metadata !== null && 'name' in value.metadata
  );
}
