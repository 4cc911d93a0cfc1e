/** The lines that Lambda itself writes into a function's log. */

export type Report = {
  readonly requestId: string;
  readonly ms: number;
  /** How long the environment took to start, in ms, if it did so for this invocation. */
  readonly init: number | undefined;
  /** MiB that the function has. */
  readonly megabytes: number;
  /** MiB that it had in use at most. */
  readonly peak: number;
};

/**
 * What a function wrote during an invocation, within Lambda's own lines; `note` is what Lambda has to say of its end.
 * The start of an environment is billed. Source: Lambda Developer Guide, "Log format" and "Runtime environment lifecycle".
 */
export function logOf(
  written: string,
  { requestId, ms, init, megabytes, peak }: Report,
  note?: string,
): string {
  const fields = [
    `REPORT RequestId: ${requestId}`,
    `Duration: ${ms.toFixed(2)} ms`,
    `Billed Duration: ${Math.ceil(ms + (init ?? 0))} ms`,
    `Memory Size: ${megabytes} MB`,
    `Max Memory Used: ${Math.min(peak, megabytes)} MB`,
    ...(init === undefined ? [] : [`Init Duration: ${init.toFixed(2)} ms`]),
  ];
  const lines = [
    `START RequestId: ${requestId} Version: $LATEST`,
    ...(written === '' ? [] : [written.replace(/\n$/, '')]),
    ...(note === undefined ? [] : [`${new Date().toISOString()} ${requestId} ${note}`]),
    `END RequestId: ${requestId}`,
    `${fields.join('\t')}\t`,
  ];
  return `${lines.join('\n')}\n`;
}
