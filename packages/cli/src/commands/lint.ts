import { Command } from 'commander';

/** `weft lint`: what the contracts say that cannot be held. */
export function lintCommand(): Command {
  return new Command('lint').summary('check the contracts').action(() => {});
}
