const silent = (ms: number): Error => new Error(`no answer in ${ms / 1000} s`);

/** What is waited for so long at most. @throws `why` when the work takes longer; it goes on unseen then */
export function inTime<T>(work: Promise<T>, ms: number, why: (ms: number) => Error = silent): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(why(ms)), ms);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
