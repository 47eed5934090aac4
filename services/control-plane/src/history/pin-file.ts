import { join } from 'node:path';
import { readIfThere, replaceFile } from '../state/replace-file.ts';
import type { HistoryStore } from './history-store.ts';
import { contractName, type Part } from './parts.ts';
import type { Pin } from './pin.ts';
import type { PinStore } from './pin-store.ts';

interface PinJson extends Omit<Pin, 'contracts'> {
  readonly format: 1;
  readonly contracts: readonly Omit<Pin['contracts'][number], 'descriptorSet'>[];
}

/** Keeps the pin over restarts, beside the history; its contracts are the history's objects. */
export class PinFile implements PinStore {
  readonly place = { resource: 'the state directory', field: 'history/pin.json' };
  readonly #path: string;
  readonly #store: HistoryStore;

  constructor(directory: string, store: HistoryStore) {
    this.#path = join(directory, 'pin.json');
    this.#store = store;
  }

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
