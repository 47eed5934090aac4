/** Whether this process sends spans and metrics. Asked for each call, so it must cost nothing. */
export const exporting = { on: false };
