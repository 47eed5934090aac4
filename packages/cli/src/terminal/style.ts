import { styleText } from 'node:util';

/** The styles of a word. */
export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'blue' | 'magenta' | 'cyan';

/** Colors text for one stream, or leaves it as it is. */
export type Paint = (style: Style, text: string) => string;

/** Paints only on a terminal, and never under NO_COLOR (https://no-color.org: any value that is not empty). */
export function paintFor(
  stream: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>> = process.env,
): Paint {
  const colored = stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb';
  return colored ? (style, text) => styleText(style, text, { validateStream: false }) : (_style, text) => text;
}
