/** A link of a Markdown file, without those inside code. */
export interface MarkdownLink {
  /** As it is written: `../docs/policy.md#lint`, `#names` or `https://...`. */
  readonly target: string;
  /** Counted from 1. */
  readonly line: number;
}

/** The links of a Markdown file, in their order: inline links, images, and definitions (`[name]: target`). */
export function markdownLinks(markdown: string): readonly MarkdownLink[] {
  return prose(markdown).flatMap((text, index) =>
    [...text.matchAll(/\]\(<?([^)\s>]+)>?(?:\s[^)]*)?\)|^\[[^\]]+\]:\s+(\S+)/g)].map(([, inline, definition = '']) => ({
      target: inline ?? definition,
      line: index + 1,
    })),
  );
}

/** The anchors that GitHub gives the headings of a Markdown file. A heading that occurs twice gets `-1` the second time. */
export function markdownAnchors(markdown: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const text of withoutFences(markdown)) {
    const [, heading] = /^#{1,6}\s+(.*?)\s*#*$/.exec(text) ?? [];
    if (heading === undefined) continue;
    const slug = slugOf(heading);
    let anchor = slug;
    for (let count = 1; anchors.has(anchor); count += 1) anchor = `${slug}-${count}`;
    anchors.add(anchor);
  }
  return anchors;
}

function slugOf(heading: string): string {
  return heading
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(/\s/g, '-');
}

/** The lines of a file; those of fenced code are empty. */
function withoutFences(markdown: string): readonly string[] {
  let fence: string | undefined;
  return markdown.split('\n').map((line) => {
    const [, mark] = /^\s*(`{3,}|~{3,})/.exec(line) ?? [];
    if (fence === undefined) {
      if (mark === undefined) return line;
      fence = mark;
    } else if (mark?.startsWith(fence) && line.trim() === mark) {
      fence = undefined;
    }
    return '';
  });
}

/** The lines of a file without code of any kind. */
function prose(markdown: string): readonly string[] {
  return withoutFences(markdown).map((line) => (/^(?: {4}|\t)/.test(line) ? '' : line.replaceAll(/`[^`]*`/g, '')));
}
