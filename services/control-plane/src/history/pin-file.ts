import { join } from 'node:path';
import { readIfThere, replaceFile } from '../state/replace-file.ts';
import type { HistoryStore } from './history-store.ts';
import { contractName, type Part } from './parts.ts';
import type { Pin } from './pin.ts';

interface PinJson extends Omit<Pin, 'contracts'> {
  readonly format: 1;
  readonly contracts: readonly Omit<Pin['contracts'][number], 'descriptorSet'>[];
}

/** Keeps the pin over restarts, beside the history; its contracts are the history's objects. */
export class PinFile {
  readonly #path: string;
  readonly #store: HistoryStore;

  constructor(directory: string, store: HistoryStore) {
    this.#path = join(directory, 'pin.json');
    this.#store = store;
  }

  /** The pin that holds; undefined: none. Rejects when there is one that cannot be read, since to go on without would loosen it. */
  async load(): Promise<Pin | undefined> {
    const text = await readIfThere(this.#path);
    if (text === undefined || text === '') return undefined;
    const { format, contracts, ...pin }: PinJson = JSON.parse(text);
    if (format !== 1) throw new TypeError(`pin.json has format ${format}, and not 1`);
    this.#store.keep(contracts.map(({ hash }) => hash));
    const parts = new Map<string, Part>();
    for (const contract of contracts) parts.set(contractName(contract), { is: 'contract', value: contract });
    const sets = await this.#store.descriptorSets(parts);
    return {
      ...pin,
      contracts: contracts.flatMap((contract) => {
        const descriptorSet = sets.get(contract.hash);
        return descriptorSet === undefined ? [] : { ...contract, descriptorSet };
      }),
    };
  }

  /** Keeps a pin, or none. Rejects when the disk does; what was kept before then holds. */
  async save(pin: Pin | undefined): Promise<void> {
    if (pin === undefined) {
      await replaceFile(this.#path, '', 0o600);
      this.#store.keep([]);
      return;
    }
    this.#store.keep(pin.contracts.map(({ hash }) => hash));
    await this.#store.putContracts(pin.contracts);
    const contracts = pin.contracts.map(({ namespace, hash, origin }) => ({ namespace, hash, origin }));
    await replaceFile(this.#path, JSON.stringify({ format: 1, ...pin, contracts } satisfies PinJson), 0o600);
  }
}
