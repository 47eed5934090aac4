import { Command } from 'commander';

/** `weft compile`: the Envoy configuration of a directory, offline. */
export function compileCommand(): Command {
  return new Command('compile').summary('print the Envoy configuration that a mesh directory gives').action(() => {});
}
