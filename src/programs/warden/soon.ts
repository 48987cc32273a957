/** A gateway that hangs must not keep anybody from its status. */
export function soon<T>(work: Promise<T>): Promise<T> {
  const late = new Promise<never>((_, reject) =>
    setTimeout(() => reject(new Error('no answer in time')), 1000).unref(),
  );
  return Promise.race([work, late]);
}
