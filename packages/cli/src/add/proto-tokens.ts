/** A word, a quoted text or a symbol of a .proto file. */
export interface ProtoToken {
  readonly kind: 'word' | 'string' | 'symbol';
  /** As it stands in the file; a quoted text with its quotes. */
  readonly text: string;
  /** Of its first character in the file. */
  readonly start: number;
  /** After its last character. */
  readonly end: number;
}

const pattern =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|(?<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|(?<word>[\w.]+)|(?<symbol>[^\s\w])/g;

/** The tokens of a .proto file, without its comments. */
export function protoTokens(proto: string): ProtoToken[] {
  const tokens: ProtoToken[] = [];
  for (const { 0: text, index: start, groups = {} } of proto.matchAll(pattern)) {
    const kind = groups.string ? 'string' : groups.word ? 'word' : groups.symbol ? 'symbol' : undefined;
    if (kind) tokens.push({ kind, text, start, end: start + text.length });
  }
  return tokens;
}

const closing: Readonly<Record<string, string>> = { '{': '}', '[': ']', '(': ')' };

/** The index of the token that closes the one at `open`; undefined if there is none, or if that token opens nothing. */
export function closingIndex(tokens: readonly ProtoToken[], open: number): number | undefined {
  const expected: string[] = [];
  if (closing[tokens[open]?.text ?? ''] === undefined) return undefined;
  for (let index = open; index < tokens.length; index++) {
    const { kind, text } = tokens[index] ?? { kind: 'word', text: '' };
    if (kind !== 'symbol') continue;
    const close = closing[text];
    if (close !== undefined) expected.push(close);
    else if (text === expected.at(-1)) {
      expected.pop();
      if (expected.length === 0) return index;
    } else if (Object.values(closing).includes(text)) return undefined;
  }
  return undefined;
}
