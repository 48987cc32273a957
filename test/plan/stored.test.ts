import assert from 'node:assert/strict';
import { test } from 'node:test';
import { holdsStored } from '../../src/plan/fleet.ts';
import { agentPlaces, placesOf } from '../../src/plan/places.ts';
import type { Resource } from '../../src/plan/resource.ts';

const places = placesOf('/var/lib/x');
const folder = (path: string): Resource => ({ kind: 'folder', path, mode: '0700', uid: 1, gid: 1 });

test('what an agent has stored is not taken away unasked: its disk, its home, and a workspace that becomes a shared one', () => {
  const { disk, home, workspace, knowledge, folder: own } = agentPlaces(places, 'one');
  for (const path of [disk, home, workspace]) assert.equal(holdsStored(folder(path), places), true, path);
  for (const path of [knowledge, own, places.logs]) assert.equal(holdsStored(folder(path), places), false, path);
});
