import { resolve } from 'node:path';
import { findProject } from './project.ts';
import { type StateDirectory, stateDirectory } from './state-directory.ts';

/** Which mesh a command is about. */
export interface MeshChoice {
  readonly state?: string;
  /** True: the current context of the kubeconfig. */
  readonly cluster?: string | true;
  readonly namespace?: string;
}

/** The state directory that `--state` names, or else `.weft` in the project around the current directory. */
export function chosenState(option: string | undefined): StateDirectory {
  return stateDirectory(option ? resolve(option) : findProject().stateDir);
}
