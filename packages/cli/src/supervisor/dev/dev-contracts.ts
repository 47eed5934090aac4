/** The result of a change to .proto files. */
export interface ContractChange {
  /** What is wrong, one line each with file and line. If there is anything, nothing was changed. */
  readonly problems: readonly string[];
  /** The contracts that changed. */
  readonly changed: readonly ChangedContract[];
  /** Contradictions in the contracts' policies, one line each. */
  readonly warnings: readonly string[];
  /** What changes for which caller, in the words of `weft diff`; empty if nothing does. */
  readonly diff: string;
}

/** A contract whose code or descriptor set changed. */
export interface ChangedContract {
  /** "bakery.bread". */
  readonly logicalName: string;
  /** The npm package with its code: "@bakery/bread-contract". */
  readonly packageName: string;
}

/** The contracts of a project, regenerated when their sources change. */
export interface DevContracts {
  /** Regenerates what has changed. Rejects only if a tool is missing. */
  update(): Promise<ContractChange>;
}
