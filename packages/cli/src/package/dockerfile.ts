/** The instructions of a Dockerfile, one per line, with continuation lines joined and comments removed. */
function instructions(text: string): string[] {
  return text
    .replace(/^[ \t]*#.*\n?/gm, '')
    .replace(/\\[ \t]*\n/g, ' ')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

/** What a Dockerfile copies from its build context: files, folders and globs, in order. */
export function copiedPaths(text: string): string[] {
  return instructions(text).flatMap((line) => {
    const [, rest = ''] = /^(?:COPY|ADD)\s+(.+)$/i.exec(line) ?? [];
    const words = rest.startsWith('[') ? wordsOf(rest) : rest.split(/\s+/).filter(Boolean);
    if (words.some((word) => word.startsWith('--from='))) return [];
    const named = words.filter((word) => !word.startsWith('--')).slice(0, -1);
    return named.filter((word) => !/^(https?:|git@|<<)/.test(word)).map((word) => word.replace(/^\/+/, '') || '.');
  });
}

function wordsOf(list: string): string[] {
  try {
    const words: unknown = JSON.parse(list);
    return Array.isArray(words) ? words.map(String) : [];
  } catch {
    return [];
  }
}

/** Whether the image runs as a numeric non-root user, which is all that Kubernetes can verify. */
export function imageUser(text: string): 'numeric' | 'other' {
  let user = '';
  for (const line of instructions(text)) {
    if (/^FROM\s/i.test(line)) user = '';
    user = /^USER\s+(\S+)/i.exec(line)?.[1] ?? user;
  }
  return /^[1-9]\d*(:|$)/.test(user) ? 'numeric' : 'other';
}

/** The base images of a Dockerfile: its FROM lines without its own stages. */
export function baseImages(text: string): string[] {
  const stages = new Set<string>();
  const bases = new Set<string>();
  for (const line of instructions(text)) {
    const [, image = '', stage = ''] = /^FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?/i.exec(line) ?? [];
    if (image !== '' && image !== 'scratch' && !stages.has(image)) bases.add(image);
    if (stage !== '') stages.add(stage);
  }
  return [...bases];
}
