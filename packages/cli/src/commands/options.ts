import { resolve } from 'node:path';
import { Option } from 'commander';
import { findProject } from '../project.ts';
import { type StateDirectory, stateDirectory } from '../state-directory.ts';

/** `--state DIR`. */
export function stateOption(): Option {
  return new Option('--state <dir>', 'where the mesh keeps its data (default: .weft in the project)').env('WEFT_STATE');
}

/** `--json`. */
export function jsonOption(): Option {
  return new Option('--json', 'print JSON, for machines').default(false);
}

/** The state directory that `--state` names, else `.weft` in the project around the current directory. */
export function chosenState(option: string | undefined): StateDirectory {
  return stateDirectory(option ? resolve(option) : `${findProject().root}/.weft`);
}

/** Which mesh a command is about. */
export interface MeshChoice {
  readonly state?: string;
  /** True: the current context of the kubeconfig. */
  readonly cluster?: string | true;
  readonly namespace?: string;
}

/** `--cluster [context]`, for commands that speak to a control plane wherever it runs. */
export function clusterOption(): Option {
  return new Option('--cluster [context]', 'the mesh of a cluster, by kubectl: of this context, else the current one');
}

/** `--namespace NAME`. */
export function namespaceOption(): Option {
  return new Option('--namespace <name>', "the control plane's, with --cluster (default: weft-system)");
}
