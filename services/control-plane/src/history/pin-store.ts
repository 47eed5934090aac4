import type { Problem } from '@weft/compiler/model/problem';
import type { Pin } from './pin.ts';

/** Where the pin is kept over restarts. */
export interface PinStore {
  /** In words, for those who have to look at it. */
  readonly place: Pick<Problem, 'resource' | 'about' | 'field'>;
  /** The pin that holds; undefined: none. Rejects when there is one that cannot be read, since to go on without would loosen it. */
  load(): Promise<Pin | undefined>;
  /** Keeps a pin, or none. Rejects when that cannot be; what was kept before then holds. */
  save(pin: Pin | undefined): Promise<void>;
  /** Calls back with what is kept, whenever another process may have kept it. Absent: there is no other. */
  onKept?(listener: (pin: Pin | undefined) => void): void;
}
