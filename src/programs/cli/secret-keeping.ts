import { existsSync, readdirSync, statSync } from 'node:fs';
import { readWanted } from '../../host/files/wanted.ts';
import type { SecretChanged, SecretEntry, SecretsDocument } from '../../model/documents.ts';
import type { SecretName } from '../../model/names.ts';
import type { Places } from '../../plan/places.ts';
import { whyBroad } from '../../policy/broad-secrets.ts';
import { type OwnPlace, ownText } from '../../policy/secret-findings.ts';
import type { Client } from '../../wire/client.ts';
import { withWarden } from './connect.ts';
import { carryOut, mustBeOurs, planMachine } from './machine.ts';
import { ensureIdentity, recipientOf, sealed, writeWaiting } from './seal.ts';
import { ownPlacesOf } from './secret-own.ts';
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

/** Gives a value to the gateway, sealed here so that the warden passes on what it cannot open.
 *  @returns undefined: nothing runs, and it waits for the next up */
export async function keep(
  places: Places,
  name: SecretName,
  value: string,
  how: 'set' | 'rotate' = 'set',
): Promise<SecretChanged | undefined> {
  const own = ownPlacesOf(value, process.env);
  const kept = await withSecrets(places, async (warden) => {
    const { recipient } = (await warden.call('secrets.recipient')) as { recipient: string };
    const bytes = Buffer.from(await sealed(value, recipient)).toString('base64');
    return (await warden.call(`secrets.${how}`, { name, sealed: bytes, own })) as SecretChanged;
  });
  if (kept === undefined) await keepUntilUp(places, name, value, own);
  return kept;
}

/** What is to be said of a value that nobody but we have seen yet. */
export function findingsBefore(value: string): { readonly id: string; readonly text: string }[] {
  const [own, broad] = [ownPlacesOf(value, process.env), whyBroad(value)];
  return [
    ...(own.length > 0 ? [{ id: 'secret-own', text: ownText(own) }] : []),
    ...(broad !== undefined ? [{ id: 'secret-broad', text: broad }] : []),
  ];
}

/** Before the first up, or while nothing runs: what is needed of the state is made, as up would, and the sealed value waits there. */
async function keepUntilUp(places: Places, name: SecretName, value: string, own: readonly OwnPlace[]): Promise<void> {
  if (!existsSync(places.identity)) {
    takeTurn(places);
    const ground = [places.state, places.format, places.secrets];
    const needed = (await planMachine(places)).filter(
      ({ do: act, what }) => act !== 'remove' && 'path' in what && ground.includes(what.path),
    );
    await carryOut(places, needed);
    await ensureIdentity(places);
  }
  writeWaiting(places, name, await sealed(value, await recipientOf(places)), own);
}

/** As the warden says; while nothing runs, what is on disk. */
export async function secretStates(places: Places): Promise<readonly SecretEntry[]> {
  const asked = await withSecrets(places, async (warden) => (await warden.call('secrets.list')) as SecretsDocument);
  if (asked) return asked.secrets;
  const kept = secretsOnDisk(places);
  const uses = (readWanted(places)?.agents ?? []).flatMap(({ name, secrets = [] }) =>
    secrets.map(({ variable, secret, host }) => ({ secret, use: { agent: name, variable, host } })),
  );
  const missing = [...new Set(uses.map(({ secret }) => secret))]
    .filter((secret) => !kept.some(({ name }) => name === secret))
    .map((name): SecretEntry => ({ name, state: 'missing', usedBy: [] }));
  return [...kept, ...missing]
    .map((one) => ({ ...one, usedBy: uses.filter(({ secret }) => secret === one.name).map(({ use }) => use) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Those that have a value, in force or waiting; who uses them is not known here. */
export function secretsOnDisk(places: Places): readonly SecretEntry[] {
  const waiting = onDisk(places.secrets, 'waiting');
  const kept = onDisk(`${places.gateway}/secrets`, 'set').filter(
    ({ name }) => !waiting.some((one) => one.name === name),
  );
  return [...kept, ...waiting];
}

function onDisk(folder: string, state: SecretEntry['state']): SecretEntry[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((file) => file.endsWith('.age'));
  return names.map((file) => ({
    ...{ name: file.slice(0, -4), state, since: statSync(`${folder}/${file}`).mtime.toISOString() },
    usedBy: [],
  }));
}

/** Where a value that was kept goes from here: nowhere, if no agent has it, and what else is still to be set. */
export async function nextSteps(places: Places, name: SecretName): Promise<string[]> {
  const all = await secretStates(places);
  const missing = all.filter((one) => one.state === 'missing').map((one) => one.name);
  const unused = all.some((one) => one.name === name && one.usedBy.length === 0);
  return [
    ...(unused
      ? [
          `No agent uses it. Under secrets of the one that is to, in fleet.yaml: VARIABLE: ${name}, or VARIABLE: { secret: ${name}, to: HOST }`,
        ]
      : []),
    ...(missing.length > 0 ? [`Still to be set: ${missing.join(', ')}.`] : []),
  ];
}
