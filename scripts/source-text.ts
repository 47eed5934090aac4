/** A TypeScript file without its comments and texts. */
export interface SourceText {
  /** Comments are blank, and each quoted text is its index in `texts`: `import a from '0'`. As many lines as the file. */
  readonly code: string;
  readonly texts: readonly string[];
}

/** What may stand before a slash that begins a regular expression. After anything else it divides. */
const beforePattern = /(?:^|[(,=:[!&|?{};<>+\-*%~^]|\b(?:return|typeof|case|in|of|do|else|void|yield|await))$/;

const token =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\[\s\S]|[^'\\\n])*'|"(?:\\[\s\S]|[^"\\\n])*"|`|\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/|[{}/]/g;

/**
 * Separates the code of a file from its comments, quoted texts, templates and regular expressions, so that a search finds code only.
 * What a template inserts (`${...}`) is code.
 */
export function sourceText(file: string): SourceText {
  const texts: string[] = [];
  let code = '';
  let at = 0;
  /** For each open brace: whether it belongs to a template. */
  const braces: boolean[] = [];

  const keepLines = (text: string) => text.replace(/[^\n]+/g, ' ');
  /** Skips the text of a template from `at` to its end or its next insertion. */
  const skipTemplate = () => {
    const end = /(?:\\[\s\S]|\$(?!\{)|[^\\`$])*(?:`|\$\{|$)/y;
    end.lastIndex = at;
    const text = end.exec(file)?.[0] ?? '';
    code += keepLines(text);
    at += text.length;
    if (text.endsWith('${')) braces.push(true);
  };

  for (;;) {
    token.lastIndex = at;
    const found = token.exec(file);
    if (found === null) return { code: code + file.slice(at), texts };
    const [text] = found;
    code += file.slice(at, found.index);
    at = found.index + text.length;
    if (text === '`') {
      code += '``';
      skipTemplate();
    } else if (text === '{') {
      braces.push(false);
      code += text;
    } else if (text === '}') {
      code += text;
      if (braces.pop()) skipTemplate();
    } else if (text.startsWith('//') || text.startsWith('/*')) {
      code += keepLines(text);
    } else if (text.startsWith('/')) {
      if (text === '/' || !beforePattern.test(code.trimEnd())) {
        // It divides: what follows is looked at again.
        code += '/';
        at = found.index + 1;
      } else {
        code += '/ /';
      }
    } else {
      code += `'${texts.length}'`;
      texts.push(text.slice(1, -1));
    }
  }
}
