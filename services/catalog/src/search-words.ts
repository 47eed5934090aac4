/**
 * What separates words: all of ASCII but letters and digits. The generated column `products.words` replaces the same
 * characters by a space (migrations/0001_products.sql); change both or none.
 */
const separators = /[^0-9A-Za-z\u{80}-\u{10ffff}]+/u;

/**
 * A query as an expression for PostgreSQL's to_tsquery: each word must be there, the last one at least as the beginning of
 * a word. Words are taken literally: what would be an operator of tsquery or SQL separates words and is nothing else.
 *
 * Undefined where the query has no word.
 */
export function tsqueryOf(query: string): string | undefined {
  const words = query.split(separators).filter((word) => word !== '');
  if (words.length === 0) return undefined;
  // Inside quotes nothing is an operator, and no word has a quote or a backslash: both separate.
  return `${words.map((word) => `'${word}'`).join(' & ')}:*`;
}
