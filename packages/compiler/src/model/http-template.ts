/** A google.api.http path template, taken apart. */
export interface HttpTemplate {
  /** Each a literal, one segment of any text, or any number of them. */
  readonly segments: readonly ({ readonly literal: string } | '*' | '**')[];
  /** After the last colon: "search" of "/v1/products:search". */
  readonly customVerb?: string;
  /** Request fields that the path fills, by dotted path. */
  readonly fields: readonly string[];
}

/** Takes a path template apart by the grammar of google/api/http.proto; undefined when it is none. */
export function parseHttpTemplate(template: string): HttpTemplate | undefined {
  const match = /^\/((?:[^{}:]|\{[^{}]*\})*)(?::([A-Za-z0-9._~-]+))?$/.exec(template);
  if (!match?.[1]) return undefined;
  const fields: string[] = [];
  // A variable without a pattern is one segment; with one, its segments stand in the path.
  const expanded = match[1].replace(/\{([^{}=]+)(?:=([^{}]+))?\}/g, (_, field: string, pattern?: string) => {
    fields.push(field);
    return pattern ?? '*';
  });
  if (/[{}]/.test(expanded) || !fields.every((field) => /^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)*$/i.test(field))) {
    return undefined;
  }
  const segments: HttpTemplate['segments'][number][] = [];
  for (const text of expanded.split('/')) {
    if (text === '*' || text === '**') segments.push(text);
    else if (/^[A-Za-z0-9._~%-]+$/.test(text)) segments.push({ literal: text });
    else return undefined;
  }
  // Only the end may be open.
  if (segments.slice(0, -1).includes('**')) return undefined;
  return { segments, fields, ...(match[2] === undefined ? {} : { customVerb: match[2] }) };
}

/** A template without the names of its variables: two of one shape match the same paths. */
export function templateShape(text: string): string {
  const template = parseHttpTemplate(text);
  if (template === undefined) return text;
  const segments = template.segments.map((segment) => (typeof segment === 'string' ? segment : segment.literal));
  return `/${segments.join('/')}${template.customVerb === undefined ? '' : `:${template.customVerb}`}`;
}
