/** What the comment before a code block says about it. */
export interface Mark {
  readonly kind: string;
  /** What follows the colon on the first line. */
  readonly what: string;
  /** The comment's further lines: what belongs to the block and is not shown. */
  readonly hidden: readonly string[];
}

/** A code block of a Markdown page. */
export interface CodeBlock {
  /** Of its first line, counted from 1. */
  readonly line: number;
  /** What stands behind the fence; empty: nothing, or an indented block. */
  readonly language: string;
  /** Its lines, without fence and indentation. */
  readonly lines: readonly string[];
  /** undefined: nothing says what checks it. */
  readonly mark: Mark | undefined;
}

/** What a page has. */
export interface PageBlocks {
  readonly blocks: readonly CodeBlock[];
  /** The comments that no code block follows. */
  readonly strayMarks: readonly (Mark & { readonly line: number })[];
}

const fence = /^(?<indent> *)(?<ticks>`{3,}|~{3,})(?<language>[^\s`]*)/;
const listItem = /^ *(?:[-*+]|\d+[.)]) +/;

/** The code blocks of a Markdown page, fenced and indented (https://spec.commonmark.org/0.31.2/#indented-code-blocks). */
export function codeBlocks(markdown: string): PageBlocks {
  const lines = markdown.split('\n');
  const blocks: CodeBlock[] = [];
  const strayMarks: (Mark & { readonly line: number })[] = [];
  let comment: { readonly line: number; readonly text: string } | undefined;
  // How far the paragraphs of a list item are indented; a code block in it stands four further.
  let itemIndent = 0;
  let afterBlank = true;
  const drop = () => {
    if (comment) strayMarks.push({ line: comment.line, ...readMark(comment.text) });
    comment = undefined;
  };
  const add = (start: number, language: string, found: readonly string[]) => {
    blocks.push({ line: start + 1, language, lines: found, mark: comment && readMark(comment.text) });
    comment = undefined;
    afterBlank = true;
  };
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] ?? '';
    const { indent = '', ticks, language = '' } = fence.exec(line)?.groups ?? {};
    if (line.trim() === '') {
      afterBlank = true;
    } else if (ticks !== undefined) {
      const end = lines.findIndex((each, at) => at > index && each.trimStart().startsWith(ticks));
      const last = end === -1 ? lines.length : end;
      add(
        index + 1,
        language,
        lines.slice(index + 1, last).map((each) => withoutIndent(each, indent.length)),
      );
      index = last;
    } else if (afterBlank && indentOf(line) >= itemIndent + 4) {
      const last = endOfIndented(lines, index, itemIndent + 4);
      add(
        index,
        '',
        lines.slice(index, last).map((each) => withoutIndent(each, itemIndent + 4)),
      );
      index = last - 1;
    } else if (line.startsWith('<!--')) {
      drop();
      const end = lines.findIndex((each, at) => at >= index && each.includes('-->'));
      const last = end === -1 ? lines.length - 1 : end;
      comment = { line: index + 1, text: lines.slice(index, last + 1).join('\n') };
      index = last;
      afterBlank = true;
    } else {
      drop();
      const item = listItem.exec(line)?.[0].length;
      if (item !== undefined) itemIndent = item;
      else if (afterBlank && indentOf(line) < itemIndent) itemIndent = 0;
      afterBlank = false;
    }
  }
  drop();
  return { blocks, strayMarks };
}

function readMark(comment: string): Mark {
  const [first = '', ...hidden] = comment
    .replace(/^<!--\s*/, '')
    .replace(/\s*-->\s*$/, '')
    .split('\n');
  const colon = first.indexOf(':');
  return { kind: first.slice(0, Math.max(colon, 0)), what: first.slice(colon + 1).trim(), hidden };
}

/** The first line behind an indented block, whose blank lines belong to it when more of it follows. */
function endOfIndented(lines: readonly string[], start: number, indent: number): number {
  let end = start;
  for (let index = start; index < lines.length; index++) {
    const line = lines[index] ?? '';
    if (line.trim() === '') continue;
    if (indentOf(line) < indent) break;
    end = index + 1;
  }
  return end;
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

function withoutIndent(line: string, indent: number): string {
  return line.slice(Math.min(indent, indentOf(line)));
}
