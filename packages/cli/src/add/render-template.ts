import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The values that fill a template. */
export interface TemplateValues {
  /** `__service__` is replaced by words.service, in files and in their names. */
  readonly words: Readonly<Record<string, string>>;
  /** `{{#database}}...{{/database}}` stays if flags.database is true, `{{^database}}...{{/database}}` if it is false. */
  readonly flags: Readonly<Record<string, boolean>>;
}

/**
 * The files of a template's folder, by path. The files of a folder `if-database` are included only if that flag is true, without the folder
 * name. `dot-gitignore` becomes `.gitignore`, because npm leaves .gitignore out of packages.
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

/** Renders one file. Sections of the same flag cannot be nested. Throws for an unknown word. */
export function renderText(text: string, { words, flags }: TemplateValues): string {
  // A tag alone on a line is removed with its line.
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
    if (value === undefined) throw new Error(`the template uses the unknown word ${word}`);
    return value;
  });
}
