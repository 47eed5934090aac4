/** What a change of .proto files came to. */
export interface ContractChange {
  /** What is wrong, a line each with file and line; when there is anything, nothing was changed. */
  readonly problems: readonly string[];
  /** The contracts that are different now. */
  readonly changed: readonly ChangedContract[];
  /** What the contracts say now that cannot be meant, a line each. */
  readonly warnings: readonly string[];
  /** What changes for whom, as `weft diff` says it; empty when nothing does. */
  readonly diff: string;
}

/** A contract whose code or descriptor set is different now. */
export interface ChangedContract {
  /** "bakery.bread". */
  readonly logicalName: string;
  /** The npm package with its code: "@bakery/bread-contract". */
  readonly packageName: string;
}

/** The contracts of a project, generated anew when their sources change. */
export interface DevContracts {
  /** Generates what has changed. Rejects only when a tool is missing. */
  update(): Promise<ContractChange>;
}
