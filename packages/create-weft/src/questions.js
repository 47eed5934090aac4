// @ts-check
import { createInterface } from 'node:readline';
import { CreateError } from './create-error.js';
import { templates } from './templates.js';

/**
 * Asks the user, on stderr, so that stdout has only the result.
 * @param {NodeJS.ReadableStream} input
 * @param {NodeJS.WritableStream} output
 */
export function questions(input, output) {
  const terminal = createInterface({ input, output });
  let isClosed = false;
  terminal.once('close', () => {
    isClosed = true;
  });
  const answers = terminal[Symbol.asyncIterator]();

  /**
   * @param {string} question
   * @param {string} byDefault
   * @returns {Promise<string>}
   */
  const ask = async (question, byDefault) => {
    terminal.setPrompt(`${question} (${byDefault}): `);
    // Lines that were typed ahead are answers, even if the input has ended.
    if (!isClosed) terminal.prompt();
    const answer = await answers.next();
    // Ctrl-D and Ctrl-C end the input.
    if (answer.done) throw new CreateError('No answer was given, so no project was made.');
    return answer.value.trim() || byDefault;
  };

  return {
    /** @param {(name: string) => Promise<void>} check Rejects with what is wrong with a name; the question is then asked again. */
    async name(check) {
      const proposed = await firstOf(
        ['bakery', ...Array.from({ length: 8 }, (_, index) => `bakery-${index + 2}`)],
        check,
      );
      for (;;) {
        const name = await ask('Name of the project', proposed);
        try {
          await check(name);
          return name;
        } catch (error) {
          output.write(`${error instanceof Error ? error.message : error}\n`);
        }
      }
    },
    /** A template, by its number or name. */
    async template() {
      templates.forEach(({ name, says }, index) => {
        output.write(`  ${index + 1}. ${name}: ${says}\n`);
      });
      for (;;) {
        const answer = await ask('Template', 'hello');
        const found = templates.find(({ name }, index) => answer === name || answer === String(index + 1));
        if (found) return found.name;
        output.write(
          `Template ${answer} does not exist; it must be one of ${templates.map(({ name }) => name).join(', ')}.\n`,
        );
      }
    },
    close() {
      terminal.close();
    },
  };
}

/**
 * The first name that nothing is wrong with; if there is none, the first one.
 * @param {readonly string[]} names
 * @param {(name: string) => Promise<void>} check
 */
async function firstOf(names, check) {
  for (const name of names) {
    const isFree = await check(name).then(
      () => true,
      () => false,
    );
    if (isFree) return name;
  }
  return names[0] ?? '';
}
