/** A peer cannot do what the workload asks: a gap in the table, not a failure. */
export class Unsupported extends Error {}
