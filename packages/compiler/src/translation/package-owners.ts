import type { MeshSettings, PackageOwnership } from '../model/mesh.ts';

/** A row of `spec.packages`, and where it stands there. */
export type OwnersRow = PackageOwnership & { readonly index: number };

/** The rows that give a logical name to somebody. */
export function ownersOf({ packages }: MeshSettings, logicalName: string): readonly OwnersRow[] {
  const rows = packages.map((row, index) => ({ ...row, index }));
  return rows.filter(({ protoPackage }) => logicalName === protoPackage || logicalName.startsWith(`${protoPackage}.`));
}

/** Whether the workloads of a namespace may go by a logical name. */
export function speaksFor(settings: MeshSettings, namespace: string, logicalName: string): boolean {
  return ownersOf(settings, logicalName).some((row) => row.namespace === namespace);
}

/** The row that would give a logical name to a namespace. */
export function ownersRow(namespace: string, logicalName: string): string {
  return `{namespace: ${namespace}, protoPackage: ${logicalName}}`;
}
