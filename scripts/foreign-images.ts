// `FROM image`, and `image: name:tag` in values; an image of this repository has no tag in either.
const reference = /^(?<before>\s*(?:FROM|image:)\s+)(?<image>[\w][\w./-]*:[\w][\w.-]*)(?=\s|$)/gm;

/** The images that a Dockerfile or a chart's values name by tag alone, each once. Examples with a made-up account are left out. */
export function unpinnedImages(text: string): readonly string[] {
  const images = [...text.matchAll(reference)].map(({ groups }) => groups?.image ?? '');
  return [...new Set(images)].filter((image) => !image.startsWith('123456789012.'));
}

/** The same text, with the digests that are known beside their tags. */
export function pinned(text: string, digests: ReadonlyMap<string, string>): string {
  return text.replace(reference, (all, before: string, image: string) => {
    const digest = digests.get(image);
    return digest === undefined ? all : `${before}${image}@${digest}`;
  });
}
