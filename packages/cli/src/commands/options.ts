import { Option } from 'commander';

/** `--state DIR`. */
export function stateOption(): Option {
  return new Option('--state <dir>', 'where the mesh keeps its data (default: .weft in the project)').env('WEFT_STATE');
}

/** `--json`. */
export function jsonOption(): Option {
  return new Option('--json', 'print JSON').default(false);
}

/** `--cluster [context]`, for commands that can also use the control plane of a cluster. */
export function clusterOption(): Option {
  return new Option('--cluster [context]', 'use the mesh in a cluster, through kubectl (default: its current context)');
}

/** `--namespace NAME`. */
export function namespaceOption(): Option {
  return new Option('--namespace <name>', "the control plane's namespace, with --cluster (default: weft-system)");
}
