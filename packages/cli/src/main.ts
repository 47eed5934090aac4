import { CommanderError } from 'commander';
import { CommandError, reasonOf } from './command-error.ts';
import { programFor } from './program.ts';
import { paintFor } from './terminal/style.ts';

// Whoever read the output may have gone (`weft status | head`); a mesh goes on all the same.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

try {
  await (await programFor(process.argv.slice(2))).parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // commander has told it already; --help and --version are no failure.
    process.exitCode = error.exitCode;
  } else {
    const paint = paintFor(process.stderr);
    console.error(`${paint('red', 'weft:')} ${reasonOf(error)}`);
    if (!(error instanceof CommandError) && process.env.WEFT_DEBUG) console.error(error);
    process.exitCode = error instanceof CommandError ? error.exitCode : 1;
  }
}
