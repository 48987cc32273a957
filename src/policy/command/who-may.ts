import { type Command, type CommandPolicy, judgeCommand } from './judge.ts';

const MOST_NAMED = 3;

/** Who may do what an agent is refused: whose policy allows exactly this command, without asking anybody. (The gate knows those whose
 *  programs it judges: an agent with `exec.ask: never` and no rules over arguments is not among them.)
 *  @returns what is added to a refusal: ``, or ` (web and ops may do it)` */
export function whoMay(others: Iterable<readonly [agent: string, policy: CommandPolicy]>, command: Command): string {
  const may = [...others]
    .filter(([, policy]) => judgeCommand(policy, command).kind === 'allow')
    .map(([agent]) => agent)
    .sort();
  if (may.length === 0) return '';
  const named = may.slice(0, MOST_NAMED);
  const more = may.length - named.length;
  return ` (${[...named, ...(more > 0 ? [`${more} more`] : [])].join(', ').replace(/, (?=[^,]*$)/, ' and ')} may do it)`;
}
