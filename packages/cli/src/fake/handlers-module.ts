import { pathToFileURL } from 'node:url';
import { didYouMean } from '@weft/compiler/model/did-you-mean';
import { CommandError, reasonOf } from '../command-error.ts';
import { type FakeContract, methodsOf } from './fake-contract.ts';

/** A function of a fake's handlers file. Its parameters and result are between the file and the kit. */
export type OwnHandler = (...args: readonly unknown[]) => unknown;

/**
 * The handlers in the default export of a module, by the local names of methods ("charge"). `file` is used in error messages.
 *
 * @throws CommandError if it cannot be loaded, or names a method that the contract does not have.
 */
export async function loadHandlers(
  path: string,
  file: string,
  contract: FakeContract,
): Promise<Map<string, OwnHandler>> {
  let loaded: { default?: unknown };
  try {
    loaded = await import(pathToFileURL(path).href);
  } catch (error) {
    throw new CommandError(`${file}: cannot be loaded: ${reasonOf(error)}`, { cause: error });
  }
  const exported = loaded.default;
  if (typeof exported !== 'object' || exported === null) {
    throw new CommandError(`${file}: must export its handlers: export default { method(request, call) { ... } }`);
  }
  const names = methodsOf(contract).map(({ localName }) => localName);
  return new Map(
    Object.entries(exported).map(([name, handler]): [string, OwnHandler] => {
      if (!names.includes(name)) {
        const suggestion = didYouMean(name, names);
        throw new CommandError(
          `${file}: ${name}: the contract has no such method.${suggestion} It has ${names.join(', ')}.`,
        );
      }
      if (typeof handler !== 'function') throw new CommandError(`${file}: ${name}: must be a function`);
      return [name, (...args) => Reflect.apply(handler, exported, args)];
    }),
  );
}
