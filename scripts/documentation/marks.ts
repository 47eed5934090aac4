import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Mark } from './code-block.ts';

const root = join(import.meta.dirname, '../..');

/** The marks that a comment before a code block may be, each `kind: what`. CONTRIBUTING.md explains them. */
const kinds: Readonly<Record<string, (what: string, page: string) => string | undefined>> = {
  'run by': testProblem,
  'printed by': testProblem,
  'checked as': (what) => (checks.some((check) => check.test(what)) ? undefined : `nothing checks a block as ${what}`),
  'excerpt of': (what) => (existsSync(join(root, what)) ? undefined : `there is no ${what}`),
  'not run': (what) => (what.length < 5 ? 'say why it is not run' : undefined),
};

/** What documented-blocks.test.ts checks a block as. */
const checks = [
  /^(?:ts|proto|buf\.yaml|weft\.yaml|weft\.project\.yaml|manifests|answers of a fake|npm scripts|cluster commands)$/,
  /^spec of Mesh\w+$/,
  /^values of charts\/\w+$/,
];

/** What is wrong with the mark of a block on this page; undefined: nothing. */
export function markProblem(mark: Mark | undefined, page: string): string | undefined {
  const known = Object.keys(kinds).join(', ');
  if (mark === undefined)
    return `the block has no mark; write a comment before it: <!-- KIND: ... -->, where KIND is one of: ${known}`;
  const problem = kinds[mark.kind];
  return problem ? problem(mark.what, page) : `"${mark.kind}" is no mark; those are: ${known}`;
}

function testProblem(what: string, page: string): string | undefined {
  if (!/\.test\.ts$/.test(what) || !existsSync(join(root, what))) return `there is no ${what}`;
  const mentions = readFileSync(join(root, what), 'utf8');
  // A package's own test names its README by its place in the package.
  const [, ofPackage = page] = /^(?:packages|services|charts)\/[^/]+\/(.+)$/.exec(page) ?? [];
  const isOwn = page !== ofPackage && what.startsWith(page.slice(0, -ofPackage.length));
  return mentions.includes(page) || (isOwn && mentions.includes(ofPackage))
    ? undefined
    : `${what} does not mention ${page}`;
}
