const names = new Map<string, string>();

/** More texts than this come from a program that builds them; preparing those would fill the server's memory. */
const maxNames = 500;

/** The name under which a statement is prepared, once a connection; undefined for one not to be prepared. */
export function statementName(text: string): string | undefined {
  const known = names.get(text);
  if (known !== undefined || names.size >= maxNames) return known;
  const name = `weft_${names.size + 1}`;
  names.set(text, name);
  return name;
}
