/** A command in prose or in a code block. */
export interface DocumentedCommand {
  /** As it is written there. */
  readonly text: string;
  /** Counted from 1. */
  readonly line: number;
  /** `weft` or `make`. */
  readonly program: string;
  /** What follows the program, without quotes. */
  readonly args: readonly string[];
}

/** What may stand before the program: a prompt, variables, `npx`. */
const documented = /^(?:\$ +)?(?:[A-Z_]+=\S+ +)*(?:npx +)?(?<program>weft|make) +(?<rest>\S.*)$/;

/** The commands `weft ...` and `make ...` of a Markdown file: lines of code blocks, and code spans in text. */
export function documentedCommands(markdown: string): readonly DocumentedCommand[] {
  let isFenced = false;
  return markdown.split('\n').flatMap((whole, index) => {
    if (whole.trimStart().startsWith('```')) {
      isFenced = !isFenced;
      return [];
    }
    const isBlock = isFenced || /^(?: {4}|\t)/.test(whole);
    const texts = isBlock ? [whole.trim()] : [...whole.matchAll(/`([^`]+)`/g)].map(([, span = '']) => span);
    return texts.flatMap((text) => parseLine(text, index + 1));
  });
}

function parseLine(text: string, line: number): DocumentedCommand[] {
  const { program, rest } = documented.exec(text)?.groups ?? {};
  return program === undefined || rest === undefined ? [] : [{ text, line, program, args: words(rest) }];
}

/** The words of a command until it is piped, followed by another, or commented. */
function words(rest: string): readonly string[] {
  const found: string[] = [];
  for (const [word] of rest.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g)) {
    if (/^(?:#|\||&&|;|>|…|\.\.\.$)/.test(word)) break;
    found.push(word.replaceAll(/["']/g, ''));
  }
  return found;
}
