/** What a check reports. It repairs nothing. */
export type Severity = 'critical' | 'high' | 'medium' | 'low';

export interface Finding {
  /** kebab-case, stable. */
  readonly id: string;
  readonly severity: Severity;
  /** What it is about: a wall, an agent, a file. */
  readonly subject: string;
  /** What was seen. */
  readonly evidence: string;
  /** A command where there is one, else what to do. */
  readonly remedy: string;
}
