import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { didYouMean } from '@weft/compiler/model/did-you-mean';
import { Command } from 'commander';
import { CommandError } from '../command-error.ts';
import { paintFor } from '../terminal/style.ts';
import { jsonOption } from './options.ts';
import { problemLines } from './problem-lines.ts';

/** `weft compile`: compiles a mesh directory to Envoy configuration, offline. */
export function compileCommand(): Command {
  return new Command('compile')
    .description(
      'Compiles a directory of manifests and descriptor sets offline, as the control plane would, and prints the configuration of\n' +
        'each proxy as JSON. Problems go to stderr; with --json they are under "problems". The exit code is 1 when there are any.',
    )
    .requiredOption('--mesh <dir>', 'the directory, for example .weft/mesh')
    .option('--proxy <name>', 'only this proxy, for example orders-0 or bakery/orders-0')
    .addOption(jsonOption())
    .action(async (options: { mesh: string; proxy?: string; json: boolean }) => {
      const directory = resolve(options.mesh);
      if (!existsSync(directory) || !statSync(directory).isDirectory()) {
        throw new CommandError(`There is no directory ${options.mesh}; name one with --mesh, for example .weft/mesh.`);
      }
      const { compileFiles } = await import('@weft/compiler');
      const { readMeshFiles } = await import('../mesh/read-mesh-files.ts');
      const files = await readMeshFiles(directory);
      const compiled = compileFiles(files, options.proxy, Date.now());
      const names = Object.keys(compiled.proxies);
      if (options.proxy && names.length === 0) {
        const all = Object.keys(compileFiles(files).proxies);
        throw new CommandError(
          `No proxy is named ${options.proxy}.${didYouMean(options.proxy, all)} Proxies: ${all.join(', ') || 'none'}.`,
        );
      }
      if (options.json) {
        console.log(JSON.stringify(compiled, undefined, 2));
      } else {
        const [only] = names;
        const shown =
          options.proxy && names.length === 1 && only ? Object.values(compiled.proxies)[0] : compiled.proxies;
        console.log(JSON.stringify(shown, undefined, 2));
        const paint = paintFor(process.stderr);
        for (const line of problemLines(compiled.problems, paint)) console.error(line);
      }
      if (compiled.problems.length > 0) process.exitCode = 1;
    });
}
