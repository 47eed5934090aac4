// @ts-check
import { CreateError } from './create-error.js';

/** A DNS label, as Kubernetes requires for a namespace, and short enough for the names derived from it. */
const pattern = /^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/;

/** First parts of well-known proto packages. A project with such a name could not import them. */
const reserved = new Set(['weft', 'google', 'buf', 'grpc', 'envoy', 'edge', 'kube-system', 'kube-public']);

/**
 * The names that follow from a project's name.
 * @typedef {object} ProjectNames
 * @property {string} project "fine-bakery": of the folder, the npm scope and the namespace.
 * @property {string} protoPackage "fine_bakery": the first part of its proto packages.
 */

/**
 * Checks a project's name.
 * @param {string} name
 * @returns {ProjectNames} @throws {CreateError} with the rule for names, and a similar valid name.
 */
export function projectNames(name) {
  if (!pattern.test(name)) {
    const near = nearestName(name);
    const words =
      'must be 1 to 40 characters of a-z, 0-9 and -, beginning with a letter and ending with a letter or digit';
    throw new CreateError(`The name "${name}" ${words}${near === undefined ? '.' : `, for example ${near}.`}`);
  }
  if (reserved.has(name)) {
    throw new CreateError(`The name "${name}" is reserved; choose another, for example my-${name}.`);
  }
  return { project: name, protoPackage: name.replaceAll('-', '_') };
}

/**
 * A valid name similar to the given one: "My Bakery" gives "my-bakery".
 * @param {string} name @returns {string | undefined} undefined if nothing is left.
 */
function nearestName(name) {
  const near = name
    .normalize('NFKD')
    .replace(/\p{Mark}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .slice(0, 40)
    .replace(/-+$/, '');
  return pattern.test(near) ? near : undefined;
}
