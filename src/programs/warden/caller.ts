/** Who asks the warden: root, or an operator of the fleet file. Others are cut off. */
export type Caller = 'root' | 'operator';
export const PEOPLE: readonly Caller[] = ['root', 'operator'];
