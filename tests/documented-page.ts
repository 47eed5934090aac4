import { readPage } from '../scripts/documentation/pages.ts';
import { shownCommands } from '../scripts/documentation/shell-block.ts';

/**
 * What a page of the documentation leaves to one test, in the order of the page. A test that takes each of the commands cannot differ
 * from the page.
 */
export class DocumentedPage {
  /** The page, as "docs/tutorial.md". */
  readonly path: string;
  /** Blocks of output, by their lines. */
  readonly outputs: readonly (readonly string[])[];
  readonly #commands: string[];

  /** `test` is the file that the page's marks name. */
  constructor(path: string, test: string) {
    const own = readPage(path).blocks.filter(({ mark }) => mark?.what === test);
    const of = (kind: string) => own.filter(({ mark }) => mark?.kind === kind).map(({ lines }) => lines);
    this.path = path;
    this.outputs = of('printed by');
    this.#commands = of('run by').flatMap((lines) => shownCommands(lines).map(({ command }) => command));
  }

  /** The next command, which `pattern` must describe; `edge` takes the place of localhost:8080. */
  next(pattern: RegExp, edge = 'localhost:8080'): string {
    const command = this.#commands.shift();
    if (command === undefined || !pattern.test(command))
      throw new Error(`${this.path} goes on with ${command ?? 'nothing'}, and the test expects ${pattern}`);
    return command.replaceAll('localhost:8080', edge);
  }

  /** What nobody has taken. */
  get left(): readonly string[] {
    return this.#commands;
  }
}
