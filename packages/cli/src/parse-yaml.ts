import { parseAllDocuments } from 'yaml';
import { reasonOf } from './command-error.ts';

/** The time to find duplicate keys grows with the square of their number: 64 KiB take a second, 10 MB hours. */
const maxCharacters = 64 * 1024;

/**
 * Reads a file that people write: one YAML document of at most 64 KiB. Returns `{}` for an empty one, or else a `problem` whose text
 * continues a sentence about the file: "not YAML: ...", "has 2 YAML documents; ...".
 */
export function parseYaml(text: string): { readonly content: unknown } | { readonly problem: string } {
  if (text.length > maxCharacters) {
    return { problem: `has ${text.length} characters, and Weft reads at most ${maxCharacters}; shorten it` };
  }
  const documents = parseAllDocuments(text);
  if (documents.length > 1) {
    return { problem: `has ${documents.length} YAML documents; keep one, and remove the "---" lines` };
  }
  try {
    const [document] = documents;
    if (document?.errors[0]) throw document.errors[0];
    return { content: document?.toJS() ?? {} };
  } catch (error) {
    return { problem: `not YAML: ${reasonOf(error).replace(/:$/, '')}` };
  }
}
