import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { CommandError } from '../command-error.ts';

/** One image to build. */
export interface ImageBuild {
  /** "docker.io/bakery/cart:0.1.0-0123456789ab". */
  readonly reference: string;
  readonly context: string;
  readonly dockerfile: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** What builds images. */
export interface ImageBuilder {
  /** The start of the command, for messages. */
  readonly label: string;
  /** The command that builds an image. */
  command(build: ImageBuild): string[];
  /** The command that exits with 0 if an image exists; none if the builder cannot tell. */
  has?(reference: string): string[];
  /** The command that prints the digest of an image's manifest, if it is known before the image is pushed. */
  digest?(reference: string): string[];
}

/**
 * The builder that `own` names, else docker, else buildah. `own` is a command that is called as
 * `own IMAGE CONTEXT -f DOCKERFILE --label NAME=VALUE`.
 */
export function imageBuilder(own: string | undefined, path = process.env.PATH ?? ''): ImageBuilder {
  if (own?.trim()) {
    const words = own.trim().split(/\s+/);
    return { label: own, command: (build) => [...words, build.reference, build.context, ...options(build)] };
  }
  const tool = ['docker', 'buildah'].find((name) =>
    path.split(delimiter).some((directory) => existsSync(join(directory, name))),
  );
  if (tool === undefined) {
    throw new CommandError(
      'Neither docker nor buildah is on PATH; name a command that builds images with --builder or WEFT_IMAGE_BUILDER.',
    );
  }
  const layers = tool === 'buildah' ? ['--layers'] : [];
  return {
    label: tool,
    command: (build) => [tool, 'build', '-t', build.reference, ...options(build), ...layers, build.context],
    has: (reference) => [tool, ...(tool === 'docker' ? ['image'] : []), 'inspect', reference],
    // Docker knows the digest if it uses containerd's image store, or if the image was pushed before.
    digest: (reference) =>
      tool === 'docker'
        ? [
            tool,
            'image',
            'inspect',
            '--format',
            '{{range .RepoDigests}}{{println (index (split . "@") 1)}}{{end}}',
            reference,
          ]
        : [tool, 'inspect', '--type', 'image', '--format', '{{.FromImageDigest}}', reference],
  };
}

function options({ dockerfile, labels }: ImageBuild): string[] {
  return ['-f', dockerfile, ...Object.entries(labels).flatMap(([name, value]) => ['--label', `${name}=${value}`])];
}
