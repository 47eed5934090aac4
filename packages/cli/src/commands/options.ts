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
