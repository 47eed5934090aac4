import { closingIndex, type ProtoToken, protoTokens } from './proto-tokens.ts';

const policyImport = 'weft/policy/v1/policy.proto';
const serviceOption = 'weft.policy.v1.service';

/** A .proto file with one change. */
interface Edit {
  readonly at: number;
  readonly text: string;
}

/**
 * Adds `caller` to the callers of a service in the text of its .proto file. Everything else stays unchanged: comments, order, indentation.
 * A caller that is already listed is not added again. Undefined: this function does not know the form of the policy, so a person must add
 * the caller.
 */
export function addCaller(proto: string, service: string, caller: string): string | undefined {
  const tokens = protoTokens(proto);
  const body = serviceBody(tokens, service);
  if (body === undefined) return undefined;
  const edits = callerEdits(proto, tokens, body, caller);
  // Edit from the end, so that earlier positions stay valid.
  return edits
    ?.sort((a, b) => b.at - a.at)
    .reduce((text, { at, text: more }) => text.slice(0, at) + more + text.slice(at), proto);
}

interface Span {
  /** The index of the opening token. */
  readonly open: number;
  readonly close: number;
}

function serviceBody(tokens: readonly ProtoToken[], service: string): Span | undefined {
  for (let index = 0; index < tokens.length; index++) {
    if (tokens[index]?.text === '{') {
      index = closingIndex(tokens, index) ?? tokens.length;
    } else if (
      tokens[index]?.text === 'service' &&
      tokens[index + 1]?.text === service &&
      tokens[index + 2]?.text === '{'
    ) {
      const close = closingIndex(tokens, index + 2);
      return close === undefined ? undefined : { open: index + 2, close };
    }
  }
  return undefined;
}

function callerEdits(proto: string, tokens: readonly ProtoToken[], body: Span, caller: string): Edit[] | undefined {
  const options = policyOptions(tokens, body);
  const [first] = options;
  if (first === undefined) {
    const at = end(tokens, body.open);
    const statement = `\n${indentOf(proto, start(tokens, body.open))}  option (${serviceOption}) = {callers: ["${caller}"]};`;
    return [{ at, text: statement }, ...importEdits(tokens)];
  }
  const [after] = options.slice(-1);
  // option (weft.policy.v1.service).callers = "bakery.bread";
  if (options.every(({ field }) => field !== undefined)) {
    const has = options.some(({ field, value }) => field === 'callers' && unquoted(tokens[value]) === caller);
    if (has) return [];
    const at = after === undefined ? 0 : end(tokens, after.semicolon);
    return [
      { at, text: `\n${indentOf(proto, start(tokens, first.option))}option (${serviceOption}).callers = "${caller}";` },
    ];
  }
  if (options.length > 1 || tokens[first.value]?.text !== '{') return undefined;
  const close = closingIndex(tokens, first.value);
  return close === undefined ? undefined : aggregateEdits(proto, tokens, { open: first.value, close }, caller);
}

interface PolicyOption {
  /** Indices of tokens. */
  readonly option: number;
  readonly value: number;
  readonly semicolon: number;
  /** In `option (weft.policy.v1.service).callers = ...`. */
  readonly field?: string;
}

/** The statements in a service that set its policy. */
function policyOptions(tokens: readonly ProtoToken[], { open, close }: Span): PolicyOption[] {
  const options: PolicyOption[] = [];
  for (let index = open + 1; index < close; index++) {
    const text = tokens[index]?.text;
    if (text === '{' || text === '[' || text === '(') {
      index = closingIndex(tokens, index) ?? close;
      continue;
    }
    const isPolicy =
      text === 'option' &&
      tokens[index + 1]?.text === '(' &&
      tokens[index + 2]?.text.replace(/^\./, '') === serviceOption;
    if (!isPolicy) continue;
    const field = tokens[index + 4]?.text === '=' ? undefined : tokens[index + 4]?.text.replace(/^\./, '');
    const value = field === undefined ? index + 5 : index + 6;
    const semicolon = tokens.findIndex(
      (token, at) => at >= (closingIndex(tokens, value) ?? value) && token.text === ';',
    );
    options.push({ option: index, value, semicolon, ...(field === undefined ? {} : { field }) });
    index = semicolon;
  }
  return options;
}

/** In `{ callers: ["bakery.oven"] exposure: EXPOSURE_EDGE }`. */
function aggregateEdits(
  proto: string,
  tokens: readonly ProtoToken[],
  { open, close }: Span,
  caller: string,
): Edit[] | undefined {
  const fields: number[] = [];
  for (let index = open + 1; index < close; index++) {
    const text = tokens[index]?.text;
    if (text === '<') return undefined;
    if (text === 'callers') fields.push(index);
    if (text === '{' || text === '[') index = closingIndex(tokens, index) ?? close;
  }
  const values = fields.map((field) => (tokens[field + 1]?.text === ':' ? field + 2 : field + 1));
  const [value] = values.slice(-1);
  if (value === undefined) return [firstField(proto, tokens, { open, close }, `callers: ["${caller}"]`)];
  if (values.some((each) => hasCaller(tokens, each, caller))) return [];
  if (tokens[value]?.text === '[') return listEdits(proto, tokens, value, caller);
  if (tokens[value]?.kind !== 'string') return undefined;
  // callers: "bakery.bread", once for each.
  const separator = tokens[value + 1]?.text === ',' ? ',' : '';
  const isMultiLine = proto.slice(end(tokens, open), start(tokens, close)).includes('\n');
  const between = isMultiLine ? `${separator}\n${indentOf(proto, start(tokens, value))}` : `${separator} `;
  return [{ at: end(tokens, value), text: `${between}callers: "${caller}"` }];
}

function hasCaller(tokens: readonly ProtoToken[], value: number, caller: string): boolean {
  const close = tokens[value]?.text === '[' ? (closingIndex(tokens, value) ?? value) : value;
  return tokens.slice(value, close + 1).some((token) => unquoted(token) === caller);
}

function firstField(proto: string, tokens: readonly ProtoToken[], { open, close }: Span, field: string): Edit {
  const at = end(tokens, open);
  if (close === open + 1) return { at, text: field };
  const first = start(tokens, open + 1);
  if (proto.slice(at, first).includes('\n')) return { at, text: `\n${indentOf(proto, first)}${field}` };
  return { at, text: `${field}, ` };
}

function listEdits(proto: string, tokens: readonly ProtoToken[], open: number, caller: string): Edit[] | undefined {
  const close = closingIndex(tokens, open);
  if (close === undefined) return undefined;
  const elements = tokens.slice(open + 1, close);
  const isPlain = elements.every(({ kind, text }, index) => (index % 2 === 0 ? kind === 'string' : text === ','));
  if (!isPlain) return undefined;
  const last = elements.at(-1);
  if (last === undefined) return [{ at: end(tokens, open), text: `"${caller}"` }];
  const comma = last.kind === 'string' ? ',' : '';
  if (!proto.slice(end(tokens, open), start(tokens, open + 1)).includes('\n'))
    return [{ at: last.end, text: `${comma} "${caller}"` }];
  // A comment after the last caller stays after it.
  const lineEnd = proto.indexOf('\n', last.end);
  return [
    { at: last.end, text: comma },
    { at: lineEnd, text: `\n${indentOf(proto, last.start)}"${caller}"` },
  ];
}

/** Empty if the file already imports the options. */
function importEdits(tokens: readonly ProtoToken[]): Edit[] {
  if (tokens.some((token, index) => unquoted(token) === policyImport && tokens[index - 1]?.text === 'import'))
    return [];
  const statements = tokens.flatMap(({ text }, index) =>
    text === 'import' || text === 'package' || text === 'syntax' ? [index] : [],
  );
  const imports = statements.filter((index) => tokens[index]?.text === 'import');
  const last = (imports.length > 0 ? imports : statements).at(-1) ?? 0;
  const semicolon = tokens.findIndex(({ text }, index) => index > last && text === ';');
  return [{ at: end(tokens, semicolon), text: `${imports.length > 0 ? '\n' : '\n\n'}import "${policyImport}";` }];
}

function unquoted(token: ProtoToken | undefined): string | undefined {
  return token?.kind === 'string' ? token.text.slice(1, -1) : undefined;
}

const start = (tokens: readonly ProtoToken[], index: number): number => tokens[index]?.start ?? 0;
const end = (tokens: readonly ProtoToken[], index: number): number => tokens[index]?.end ?? 0;

/** The indentation of the line at a position. */
function indentOf(proto: string, at: number): string {
  const line = proto.lastIndexOf('\n', at - 1) + 1;
  return /^[ \t]*/.exec(proto.slice(line, at))?.[0] ?? '';
}
