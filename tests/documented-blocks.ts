import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { delimiter, dirname, join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { CodeBlock } from '../scripts/documentation/code-block.ts';
import { readPage } from '../scripts/documentation/pages.ts';
import { shownCommands } from '../scripts/documentation/shell-block.ts';
import { type Ids, outputDifference, withIds } from '../scripts/documentation/shown-output.ts';
import { findGrpcurl } from './grpcurl.ts';
import { waitFor } from './wait-for.ts';

const grpcurl = findGrpcurl();

/** Where the commands of a page run. */
export interface Place {
  /** The project's folder, whose node_modules/.bin has `weft`. */
  readonly directory: string;
  /** The edge's, in the place of 8080. */
  readonly port: number;
  /** Where the mesh keeps its data, when that is not below `directory`. */
  readonly state?: string;
  /** What `weft up` has printed. */
  readonly welcome: string;
}

/** One shell in the project's folder, as a person has it. */
export class DocumentedShell {
  readonly #bash: ChildProcess;
  #output = '';

  constructor({ directory, state }: Pick<Place, 'directory' | 'state'>) {
    const path = [join(directory, 'node_modules/.bin'), ...(grpcurl ? [dirname(grpcurl)] : []), process.env.PATH ?? ''];
    const own = state === undefined ? {} : { WEFT_STATE: state };
    const env = { ...process.env, ...own, PATH: path.join(delimiter), NO_COLOR: '1' };
    this.#bash = spawn('bash', [], { cwd: directory, env, stdio: ['pipe', 'pipe', 'inherit'] });
    this.#bash.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text;
    });
  }

  /** Runs a command, or several lines; resolves with the exit code of the last, and all that they printed. */
  async run(command: string): Promise<{ code: number; printed: string }> {
    this.#output = '';
    this.#bash.stdin?.write(`{\n${command}\n} < /dev/null 2>&1\ncode=$?; echo; echo "--- ended with $code"\n`);
    const ended = await waitFor(command, () => /^--- ended with (\d+)\n/m.exec(this.#output) ?? undefined, {
      timeoutMs: 90_000,
      intervalMs: 10,
    });
    return { code: Number(ended[1]), printed: this.#output.slice(0, ended.index) };
  }

  async end(): Promise<void> {
    const ended = once(this.#bash, 'close');
    this.#bash.stdin?.end();
    await ended;
  }
}

/** Runs the blocks of a page that name `test`, in the page's order, and compares what they print with what the page shows. */
export async function runBlocks(t: ExecutionContext, page: string, test: string, place: Place): Promise<void> {
  const ids: Ids = new Map();
  const blocks = readPage(page).blocks.filter(({ mark, language }) => mark?.what === test && language === '');
  t.true(blocks.length > 0, `${page} has blocks that name this test`);
  for (const block of blocks) await runBlock(t, block, `${page}:${block.line}`, ids, place);
}

async function runBlock(
  t: ExecutionContext,
  { lines, mark }: CodeBlock,
  where: string,
  ids: Ids,
  place: Place,
): Promise<void> {
  const shell = new DocumentedShell(place);
  t.teardown(() => shell.end());
  const run = async (command: string): Promise<readonly string[]> => {
    const { code, printed } = await shell.run(here(command, ids, place.port));
    t.is(code, 0, `${where}: ${command}\n${printed}`);
    return printed.split('\n');
  };
  const hidden = (mark?.hidden ?? []).join('\n');
  if (mark?.kind === 'printed by') {
    const printed = hidden === 'weft up' ? place.welcome.split('\n') : await run(hidden);
    t.is(outputDifference(['...', ...lines, '...'], printed, ids), undefined, `${where}:\n${printed.join('\n')}`);
    return;
  }
  if (hidden !== '') await run(hidden);
  for (const { command, output } of shownCommands(lines)) {
    // It has started the mesh that all of this runs in.
    if (/^npx weft up\b/.test(command)) continue;
    const printed = await run(command);
    if (output === undefined) continue;
    t.is(outputDifference(output, printed, ids), undefined, `${where}: ${command}\n${printed.join('\n')}`);
  }
}

/** A command for this mesh; one of a program that this machine does not have does nothing. */
function here(command: string, ids: Ids, port: number): string {
  if (grpcurl === undefined && command.startsWith('grpcurl')) return 'true';
  return withIds(command, ids).replaceAll('localhost:8080', `localhost:${port}`);
}
