/**
 * The path of a request has one meaning: the canonical form, in which a policy is written, a proxy judges and an application is
 * called. Proxies bring a request into it where that is certain (see `oneMeaning` of http-connection-manager.ts) and refuse what
 * servers read differently. See RFC 3986, section 6.2.2, and the URL standard's path state.
 */

/** Characters that stand for themselves in a path, besides letters, digits and "-._~" (RFC 3986: sub-delims, ":" and "@"). */
const literalCharacters = "!$&'()*+,=:@";

/** Escapes that no two servers read alike: "/", "\", "%", "?", "#", ";" and controls. */
const refusedEscape = /%(?:2f|5c|25|3f|23|3b|[01][0-9a-f]|7f)/i;

/** Why a path of a policy cannot be one, and in which form it can. */
export interface NotCanonical {
  readonly reason: string;
  /** Absent: in none. */
  readonly canonical?: string;
}

/** Judges a path, or a prefix of paths ("/v1/*"), of a policy; undefined: it is canonical. */
export function notCanonical(path: string): NotCanonical | undefined {
  const isPrefix = path.endsWith('/*');
  const own = isPrefix ? path.slice(0, -1) : path;
  const [odd] = /[;\\?#]|%(?![0-9a-f]{2})/i.exec(own) ?? refusedEscape.exec(own) ?? [];
  if (odd !== undefined) return { reason: `${odd} means different things to different servers, so no request has it` };
  const canonical = canonicalPath(own);
  if (canonical === undefined) return { reason: 'its escapes are not UTF-8, so no request has it' };
  const ended = isPrefix || canonical === '/' ? canonical : canonical.replace(/\/$/, '');
  if (/(?:\.|%20)(?:\/|$)/.test(ended)) return { reason: 'a segment ends with a dot or a space, which no request has' };
  if (ended === own) return undefined;
  return { reason: 'it is not in canonical form', canonical: `${ended}${isPrefix ? '*' : ''}` };
}

/** A path without what has a shorter spelling: escapes that need not be, dot segments, repeated slashes. Undefined: not UTF-8. */
function canonicalPath(path: string): string | undefined {
  let unescaped: string;
  try {
    decodeURIComponent(path);
    unescaped = path.replace(/%[0-9a-f]{2}/gi, (triplet) => {
      const character = String.fromCharCode(Number.parseInt(triplet.slice(1), 16));
      const isLiteral = /[A-Za-z0-9._~-]/.test(character) || literalCharacters.includes(character);
      return isLiteral ? character : triplet.toUpperCase();
    });
  } catch {
    return undefined;
  }
  const escaped = unescaped.replace(/["<>^`{|}]/g, (character) => encodeURIComponent(character));
  const segments: string[] = [];
  const given = escaped.split('/').slice(1);
  for (const [index, segment] of given.entries()) {
    const isLast = index === given.length - 1;
    if (segment === '..') segments.pop();
    else if (segment !== '.' && segment !== '') segments.push(segment);
    if (isLast && (segment === '..' || segment === '.' || segment === '')) segments.push('');
  }
  return `/${segments.join('/')}`;
}

/**
 * Whether a path of a policy ("/v1/users", or "/v1/*" for "/v1" and all below) is about a request's canonical path. Neither case nor
 * a slash at the end make another path: Express and many file servers take them for the same.
 */
export function governs(own: string, path: string): boolean {
  const asked = path.toLowerCase();
  const lower = own.toLowerCase();
  if (!lower.endsWith('/*')) return asked === lower || asked === `${lower}/`;
  const base = lower.slice(0, -2);
  return asked === base || asked.startsWith(`${base}/`);
}

/** Percent-escapes of printable ASCII that decode to what no server takes for a part of the path's structure, without "%". */
const plainEscapes = ['22', '26', '3C', '3D', '3E', '5B', '5D', '5E', '60', '7B', '7C', '7D'];
const plainHex = new Set([
  ...plainEscapes,
  ...[...literalCharacters].map((character) => character.charCodeAt(0).toString(16).toUpperCase()),
]);

/** Characters above ASCII, as well-formed UTF-8 (RFC 3629): neither overlong nor surrogates. */
const utf8Escapes = [
  '%(?:C[2-9A-F]|D[0-9A-F])T',
  '%E0%[AB][0-9A-F]T',
  '%(?:E[1-9ABCEF])TT',
  '%ED%[89][0-9A-F]T',
  '%F0%(?:9|A|B)[0-9A-F]TT',
  '%F[1-3]TTT',
  '%F4%8[0-9A-F]TT',
].map((pattern) => pattern.replaceAll('T', '%[89AB][0-9A-F]'));

/**
 * An RE2 expression for the values of `:path`, with their query, that have one meaning beside the paths of a policy: after proxies
 * have normalized them, no server reads them as another path. What the policy spells as a character may not come as an escape.
 */
export function unambiguousPaths(policy: readonly string[]): string {
  const spelled = new Set([...policy.join('').replaceAll('/*', '/')]);
  const escapes = [...plainHex].filter((hex) => !spelled.has(String.fromCharCode(Number.parseInt(hex, 16)))).sort();
  // A file server on another system drops dots and spaces at the end of a name.
  const inner = `[A-Za-z0-9_~!$&'()*+,=:@|\\[\\]-]|%(?:${escapes.join('|')})|${utf8Escapes.join('|')}`;
  const segment = `(?:(?:\\.|%20)*(?:${inner}))*`;
  return `(?is)(?:/${segment})+(?:\\?.*)?`;
}
