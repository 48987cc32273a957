import { LENT_ENDPOINT } from '../../../model/lent-key.ts';
import type { SecretName } from '../../../model/names.ts';
import type { SecretBinding } from '../../../model/secret-binding.ts';
import { type Destination, isAt } from '../../../policy/egress.ts';
import { comparablePath } from '../../../policy/paths.ts';
import type { Harness } from '../../../policy/sign-in.ts';
import type { Door } from '../door.ts';

export interface Endpoint {
  /** Sign-ins of this agent that are refreshed there. */
  readonly secrets: readonly SecretName[];
  readonly token: Harness['token'];
  /** Of a drill: what stands in no store. */
  readonly lent?: NonNullable<SecretBinding['lent']>;
}

/** Where an agent's harness refreshes a sign-in that this agent uses.
 *  @param asked  absent: it is asked whether a connection to there is to be read */
export function tokenEndpointAt(
  door: Door,
  destination: Destination,
  asked?: { readonly method: string; readonly target: string },
): Endpoint | undefined {
  const there = endpointOf(door, destination);
  if (there && asked && (asked.method !== 'POST' || comparablePath(asked.target) !== there.token.path))
    return undefined;
  return there;
}

function endpointOf({ compartment, outside }: Door, destination: Destination): Endpoint | undefined {
  const { host, port } = destination;
  const { secret: name, lent } = compartment.bindings.find((one) => one.lent && isAt(one, destination)) ?? {};
  if (name && lent) return { secrets: [name], token: LENT_ENDPOINT, lent };
  if (outside.signIns === undefined || port !== 443) return undefined;
  const there = compartment.bindings.flatMap(({ secret }) => {
    const token = outside.signIns?.endpointOf(secret);
    return token?.host === host ? [{ secret, token }] : [];
  });
  const token = there[0]?.token;
  if (token === undefined) return undefined;
  return { secrets: there.map(({ secret }) => secret), token };
}
