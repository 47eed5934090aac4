import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

const page = join(import.meta.dirname, '../docs/tutorial.md');

/** The commands of docs/tutorial.md, in their order. A test that takes each of them cannot differ from the page. */
export class Tutorial {
  readonly #commands: string[];

  private constructor(commands: string[]) {
    this.#commands = commands;
  }

  static async read(): Promise<Tutorial> {
    const text = await readFile(page, 'utf8');
    return new Tutorial([...text.matchAll(/^ {4}((?:npm|npx|cd|curl) .*)$/gm)].map(([, command = '']) => command));
  }

  /** The next command, which `pattern` must describe; `edge` takes the place of localhost:8080. */
  next(pattern: RegExp, edge = 'localhost:8080'): string {
    const command = this.#commands.shift();
    if (command === undefined || !pattern.test(command))
      throw new Error(`docs/tutorial.md goes on with ${command ?? 'nothing'}, and the test expects ${pattern}`);
    return command.replaceAll('localhost:8080', edge);
  }

  /** What nobody has taken. */
  get left(): readonly string[] {
    return this.#commands;
  }
}
