import { CommanderError } from 'commander';
import { CommandError, reasonOf } from './command-error.ts';
import { programFor } from './program.ts';
import { paintFor } from './terminal/style.ts';

// The reader of the output may have exited (`weft status | head`); a mesh keeps running anyway.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

try {
  await (await programFor(process.argv.slice(2))).parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // commander has already printed it; --help and --version are not failures.
    process.exitCode = error.exitCode;
  } else {
    const paint = paintFor(process.stderr);
    console.error(`${paint('red', 'weft:')} ${reasonOf(error)}`);
    if (!(error instanceof CommandError) && process.env.WEFT_DEBUG) console.error(error);
    process.exitCode = error instanceof CommandError ? error.exitCode : 1;
  }
}
