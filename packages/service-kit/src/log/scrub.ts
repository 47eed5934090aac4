/** What a text may take of the log, in characters. */
export const maxLoggedText = 8_192;

/** A secret that begins before the cut is looked for up to here beyond it. */
const secretMargin = 1_024;

/** A word, or what is between quotes, as libpq reads them. */
const passwords = /(password|passwd|pwd)=('(?:[^'\\]|\\.)*'?|"[^"]*"?|\S+)/gis;

/**
 * A text that comes from elsewhere, fit for a log: cut, and without passwords and what stands before the @ of a URL. Takes time by the length
 * of what is logged, not of what it is cut from.
 */
export function scrub(text: string, maxChars = maxLoggedText): string {
  const seen = text.slice(0, maxChars + secretMargin);
  const isCut = text.length > maxChars;
  const withoutUrls = withoutCredentials(seen, isCut).replace(passwords, '$1=***');
  const password = process.env.PGPASSWORD;
  const clean = password ? withoutUrls.replaceAll(password, '***') : withoutUrls;
  return isCut ? `${clean.slice(0, maxChars)}... (${text.length} characters)` : clean;
}

/** `isCut`: the text went on, so that credentials may have no end in it. */
function withoutCredentials(text: string, isCut: boolean): string {
  const pieces: string[] = [];
  let from = 0;
  for (let at = text.indexOf('://'); at >= 0; at = text.indexOf('://', at + 3)) {
    if (!/\w/.test(text.charAt(at - 1))) continue;
    const start = at + 3;
    let end = start;
    while (end < text.length && !/[\s/]/.test(text.charAt(end))) end++;
    const isAtEnd = end === text.length && isCut;
    // The last @: there may be one in the password.
    const host = text.slice(start, end).lastIndexOf('@');
    if (host < 0 && !isAtEnd) continue;
    pieces.push(text.slice(from, start), '***');
    from = isAtEnd ? end : start + host;
  }
  pieces.push(text.slice(from));
  return pieces.join('');
}
