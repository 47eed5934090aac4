/** How long those who come up are waited for: as long as it takes before `from` resolves, and `waitMs` afterwards. */
export class Patience {
  #begun = false;
  #ended = false;
  #timer: NodeJS.Timeout | undefined;
  #cancelled = false;

  /** `onChange` is called when an answer of `isOver` may have changed. A rejection of `from` is left to others. */
  constructor(from: Promise<unknown>, waitMs: number, onChange: () => void) {
    from.then(
      () => {
        if (this.#cancelled) return;
        this.#begun = true;
        this.#timer = setTimeout(() => {
          this.#ended = true;
          onChange();
        }, waitMs);
        onChange();
      },
      () => {},
    );
  }

  /** Whether nobody should wait any longer. What is hopeless is not waited for once everything that it could need is there. */
  isOver(hopeless: boolean): boolean {
    return this.#ended || (this.#begun && hopeless);
  }

  /** Nothing is waited for any more. */
  end(): void {
    this.#cancelled = true;
    clearTimeout(this.#timer);
  }
}
