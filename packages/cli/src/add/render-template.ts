import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What a template says differently for each service. */
export interface TemplateValues {
  /** `__service__` is replaced by words.service, in files and in their names. */
  readonly words: Readonly<Record<string, string>>;
  /** `{{#database}}...{{/database}}` stays where flags.database is true, `{{^database}}...{{/database}}` where it is false. */
  readonly flags: Readonly<Record<string, boolean>>;
}

/**
 * The files of a template's folder, by path. What is in a folder `if-database` is there only where that flag is true, without that
 * folder; `dot-gitignore` becomes `.gitignore`, which npm leaves out of packages.
 */
export async function renderTemplate(folder: string, values: TemplateValues): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    const path = renderPath(file.slice(folder.length + 1).split(/[\\/]/), values);
    if (path !== undefined) files.set(path, renderText(await readFile(file, 'utf8'), values));
  }
  return files;
}

function renderPath(parts: readonly string[], { words, flags }: TemplateValues): string | undefined {
  const conditions = parts.flatMap((part) => /^if-(.+)$/.exec(part)?.[1] ?? []);
  if (conditions.some((flag) => !flags[flag])) return undefined;
  const kept = parts.filter((part) => !part.startsWith('if-')).map((part) => part.replace(/^dot-/, '.'));
  return replaceWords(kept.join('/'), words);
}

/** The text of one file. Sections of one flag cannot be in each other. Throws when a word is not known. */
export function renderText(text: string, { words, flags }: TemplateValues): string {
  // A tag alone on a line goes with its line.
  const tags = text.replace(/^[ \t]*(\{\{[#^/]\w+\}\})[ \t]*\n/gm, '$1');
  let rendered = tags;
  for (let before = ''; before !== rendered; ) {
    before = rendered;
    rendered = rendered.replace(
      /\{\{([#^])(\w+)\}\}((?:(?!\{\{[#^]\2\}\})[\s\S])*?)\{\{\/\2\}\}/g,
      (_, kind: string, flag: string, inner: string) => ((kind === '#') === (flags[flag] ?? false) ? inner : ''),
    );
  }
  return replaceWords(rendered, words);
}

function replaceWords(text: string, words: Readonly<Record<string, string>>): string {
  return text.replace(/__([a-z]+(?:_[a-z]+)*)__/gi, (word, name: string) => {
    const value = words[name];
    if (value === undefined) throw new Error(`the template names ${word}, which nothing is known of`);
    return value;
  });
}
