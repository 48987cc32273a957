import { canonicalJson } from '../model/canonical.ts';
import { identity, type Kind, type Resource } from './resource.ts';

/** A step has no choices left in it. `change` brings what is there to what is wanted, in place. */
export type Step =
  | { readonly do: 'make'; readonly what: Resource }
  | { readonly do: 'change'; readonly what: Resource; readonly was: Resource }
  | { readonly do: 'remove'; readonly what: Resource };

/** Kinds that can be brought to another value without being taken away first. */
const CHANGEABLE: ReadonlySet<Kind> = new Set([
  ...(['folder', 'file', 'copy', 'link', 'unit', 'user', 'disk'] as const),
  ...(['cgroup', 'netns', 'dead-end', 'host-rules', 'policy'] as const),
]);

/** The steps from what is there to what is wanted: first what is not wanted any more goes, last made first; then what differs
 *  is changed or replaced and what is missing is made, in the order wanted. From any half-done machine, planning again ends in the
 *  empty plan. */
export function planSteps(wanted: readonly Resource[], present: readonly Resource[]): Step[] {
  const there = new Map(present.map((resource) => [identity(resource), resource]));
  const want = new Map(wanted.map((resource) => [identity(resource), resource]));
  const gone = (resource: Resource): boolean => {
    const wish = want.get(identity(resource));
    return wish === undefined || (!same(wish, resource) && !CHANGEABLE.has(resource.kind));
  };
  const removals = inOrderOfRemoval(present).filter(gone);
  const steps: Step[] = removals.map((what) => ({ do: 'remove', what }));
  for (const what of wanted) {
    const was = there.get(identity(what));
    if (was === undefined || gone(was)) steps.push({ do: 'make', what });
    else if (!same(was, what)) steps.push({ do: 'change', what, was });
  }
  return steps;
}

/** Last made first. A home is opened again when nobody is left to enter it, however late it was closed. */
function inOrderOfRemoval(present: readonly Resource[]): Resource[] {
  const homes = present.filter(({ kind }) => kind === 'home');
  return [...present.filter(({ kind }) => kind !== 'home').reverse(), ...homes.reverse()];
}

/** What is there after a step. */
export function after(present: readonly Resource[], step: Step): Resource[] {
  const others = present.filter((resource) => identity(resource) !== identity(step.what));
  return step.do === 'remove' ? others : [...others, step.what];
}

function same(a: Resource, b: Resource): boolean {
  return canonicalJson(a) === canonicalJson(b);
}
