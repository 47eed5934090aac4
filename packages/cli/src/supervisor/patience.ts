/** How long to wait for services to start: without limit until `from` resolves, and `waitMs` afterwards. */
export class Patience {
  #begun = false;
  #ended = false;
  #timer: NodeJS.Timeout | undefined;
  #cancelled = false;

  /** `onChange` is called when the answer of `isOver` may have changed. The caller handles a rejection of `from`. */
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

  /** Whether to stop waiting. A hopeless service is not waited for once everything that it could need is running. */
  isOver(hopeless: boolean): boolean {
    return this.#ended || (this.#begun && hopeless);
  }

  /** Stops all waiting. */
  end(): void {
    this.#cancelled = true;
    clearTimeout(this.#timer);
  }
}
