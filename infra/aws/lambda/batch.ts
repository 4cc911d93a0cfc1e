/** Packing: several small tasks go by one call. */

/** Milliseconds that the first of a batch waits for others. */
const patience = 2;

type Waiting<T, R> = {
  readonly item: T;
  readonly resolve: (result: R) => void;
  readonly reject: (error: unknown) => void;
};

/**
 * Collects items of one `group` and hands up to `size` of them to `send` together, which gives a result or an error each. A size of 1 waits for nothing.
 */
export function batches<T, R>(
  size: number,
  send: (group: string, items: readonly T[]) => Promise<readonly (R | Error)[]>,
): (group: string, item: T) => Promise<R> {
  const open = new Map<string, { waiting: Waiting<T, R>[]; timer: NodeJS.Timeout | undefined }>();
  const close = (group: string): void => {
    const batch = open.get(group);
    if (!batch) return;
    open.delete(group);
    clearTimeout(batch.timer);
    const { waiting } = batch;
    send(
      group,
      waiting.map(({ item }) => item),
    ).then(
      (results) =>
        waiting.forEach(({ resolve, reject }, i) => {
          const result = results[i]!;
          if (result instanceof Error) reject(result);
          else resolve(result);
        }),
      (error: unknown) => waiting.forEach(({ reject }) => reject(error)),
    );
  };
  return (group, item) =>
    new Promise<R>((resolve, reject) => {
      const batch = open.get(group) ?? { waiting: [], timer: undefined };
      open.set(group, batch);
      batch.waiting.push({ item, resolve, reject });
      if (batch.waiting.length >= size) close(group);
      else batch.timer ??= setTimeout(() => close(group), patience);
    });
}
