import type { Places } from '../../plan/places.ts';
import type { Client } from '../../wire/client.ts';
import { withWarden } from './connect.ts';
import { carryOut, mustBeOurs, planMachine } from './machine.ts';
import { ensureIdentity, recipientOf, sealed, writeWaiting } from './seal.ts';
import { mustBeState, takeTurn } from './state.ts';
import { wardenThere } from './warden-process.ts';

/** Asks the warden about secrets; undefined where none runs, so that root may do it by itself.
 *  @throws Failure for whoever may do neither */
export async function withSecrets<T>(places: Places, use: (warden: Client) => Promise<T>): Promise<T | undefined> {
  const there = await wardenThere(places);
  there?.close();
  if (there) return withWarden(places.state, 'no secret is in use', use);
  mustBeOurs('secrets', places);
  mustBeState(places);
  return undefined;
}

/** Before the first up, or while nothing runs: what is needed of the state is made, as up would, and the sealed value waits there. */
export async function keepUntilUp(places: Places, name: string, value: string): Promise<void> {
  takeTurn(places);
  const ground = [places.state, places.format, places.secrets];
  const machine = await planMachine(places);
  await carryOut(
    places,
    machine.filter(({ do: act, what }) => act !== 'remove' && 'path' in what && ground.includes(what.path)),
  );
  await ensureIdentity(places);
  writeWaiting(places, name, await sealed(value, await recipientOf(places)));
}
