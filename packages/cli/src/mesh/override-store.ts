import { kubectl } from '../kubectl.ts';
import { chosenState, type MeshChoice } from '../mesh-choice.ts';
import { type OverrideManifest, overrideYaml, removeOverride, writeOverride } from './override-file.ts';

/** Where overrides are written: the mesh directory on this machine, or the cluster. */
export interface OverrideStore {
  /** Writes a new one. Rejects with CommandError if the store refuses it. */
  write(manifest: OverrideManifest): Promise<void>;
  /** Removes one. False: it does not exist, or its file contains more. */
  remove(namespace: string, name: string): Promise<boolean>;
  /** Where it looks for overrides, for error messages. */
  readonly place: string;
}

/** The store of the chosen mesh. */
export function overrideStore(choice: MeshChoice): OverrideStore {
  return choice.cluster === undefined
    ? inDirectory(chosenState(choice.state).userMesh)
    : inCluster(choice.cluster === true ? [] : ['--context', choice.cluster]);
}

function inDirectory(userMesh: string): OverrideStore {
  return {
    async write(manifest) {
      writeOverride(userMesh, manifest);
    },
    remove: async (namespace, name) => removeOverride(userMesh, namespace, name) !== undefined,
    place: `No file in ${userMesh} contains only the override`,
  };
}

/** Uses the caller's own permissions: the ClusterRole weft-override, bound in the namespace. */
function inCluster(context: readonly string[]): OverrideStore {
  return {
    async write(manifest) {
      await kubectl([...context, 'create', '-f', '-'], 'The override was not created', overrideYaml(manifest));
    },
    async remove(namespace, name) {
      const what = ['delete', 'meshoverrides.weft.dev', name, '-n', namespace, '--ignore-not-found', '-o', 'name'];
      return (await kubectl([...context, ...what], 'The override was not removed')).trim() !== '';
    },
    place: 'The cluster has no override',
  };
}
