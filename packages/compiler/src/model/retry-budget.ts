/** A share of the requests under way, and a floor. */
export interface RetryBudget {
  /** 0 to 100. Default: 20. */
  readonly percent: number;
  /** Default: 25. */
  readonly minConcurrent: number;
}
