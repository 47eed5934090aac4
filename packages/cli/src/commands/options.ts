import { Option } from 'commander';

/** `--state DIR`. */
export function stateOption(): Option {
  return new Option('--state <dir>', 'where the mesh keeps its data (default: .weft in the project)').env('WEFT_STATE');
}

/** `--json`. */
export function jsonOption(): Option {
  return new Option('--json', 'print JSON, for machines').default(false);
}

/** `--cluster [context]`, for commands that speak to a control plane wherever it runs. */
export function clusterOption(): Option {
  return new Option('--cluster [context]', 'the mesh of a cluster, by kubectl: of this context, else the current one');
}

/** `--namespace NAME`. */
export function namespaceOption(): Option {
  return new Option('--namespace <name>', "the control plane's, with --cluster (default: weft-system)");
}
