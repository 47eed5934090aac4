import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Full names of images, by what they hold: "orders", "control-plane", "interception". */
export type Images = Readonly<Record<string, string>>;

/** Images that are somebody else's. */
export const stockImages = {
  envoy: 'envoyproxy/envoy:distroless-v1.40.0',
  postgres: 'postgres:18',
} as const;

/** Where `make images` says its images are, unless told otherwise. */
const registry = 'docker.io/weft';

/** What `make images` has built last, as it wrote it down; undefined before its first run. */
export function builtImages(root: string): Images | undefined {
  const file = join(root, 'dist/images.json');
  if (!existsSync(file)) return undefined;
  const tags: Readonly<Record<string, string>> = JSON.parse(readFileSync(file, 'utf8'));
  return Object.fromEntries(Object.entries(tags).map(([name, tag]) => [name, `${registry}/${name}:${tag}`]));
}
