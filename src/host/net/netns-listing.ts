import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { netnsRuleset } from '../../tiers/netns-rules.ts';
import { ordinaryUser } from '../machine/ordinary-user.ts';
import { runTool } from '../processes/command.ts';
import { netnsPath } from './netns.ts';

/** The table of a namespace as nft lists it, without counters: compared with what the same rules look like when they have just
 *  been loaded, so that a rule changed by hand is a difference. Digests are SHA-256, hexadecimal; of nothing, the empty string. */
export function rulesInForce(name: string): string {
  if (!existsSync(netnsPath(name))) return '';
  return digest(runTool('nsenter', [`--net=${netnsPath(name)}`, 'nft', '-s', 'list', 'ruleset']));
}

/** @returns the digest of our rules, freshly loaded into a namespace without a name that is gone when this returns */
export function rulesWanted(): string {
  // An ordinary user is root in a namespace of its own: enough to load and list.
  const alone = ordinaryUser() ? ['--user', '--map-root-user', '--net'] : ['--net'];
  const shown = runTool('unshare', [...alone, 'sh', '-c', 'nft -f - && nft -s list ruleset'], netnsRuleset());
  return digest(shown);
}

function digest(text: string): string {
  return text.trim() === '' ? '' : createHash('sha256').update(text).digest('hex');
}
