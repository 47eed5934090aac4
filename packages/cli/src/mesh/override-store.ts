import { kubectl } from '../kubectl.ts';
import { chosenState, type MeshChoice } from '../mesh-choice.ts';
import { type OverrideManifest, overrideYaml, removeOverride, writeOverride } from './override-file.ts';

/** Where overrides are written: the mesh directory on this machine, or the cluster. */
export interface OverrideStore {
  /** Writes a new one. Rejects with CommandError when the place refuses it. */
  write(manifest: OverrideManifest): Promise<void>;
  /** Removes one. False: it is not there, or not alone in its file. */
  remove(namespace: string, name: string): Promise<boolean>;
  /** Where it looks, for those who miss something. */
  readonly place: string;
}

/** The place that goes with the mesh that was chosen. */
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
    place: `No file in ${userMesh} holds only the override`,
  };
}

/** By the rights of whoever calls: the ClusterRole weft-override, bound in the namespace. */
function inCluster(context: readonly string[]): OverrideStore {
  return {
    async write(manifest) {
      await kubectl([...context, 'create', '-f', '-'], 'The override was not made', overrideYaml(manifest));
    },
    async remove(namespace, name) {
      const what = ['delete', 'meshoverrides.weft.dev', name, '-n', namespace, '--ignore-not-found', '-o', 'name'];
      return (await kubectl([...context, ...what], 'The override was not removed')).trim() !== '';
    },
    place: 'The cluster has no override',
  };
}
