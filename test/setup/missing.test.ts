import assert from 'node:assert/strict';
import test from 'node:test';
import { type Outcome, onACopy } from './bare.ts';

// What the set-up says on a machine that lacks something: two lines, what is wrong and what to do, and exit 3.

const NAMES = [
  'told',
  'offline',
  'no-apt',
  'no-root',
  'start-no-root',
  'no-npm',
  'start-no-npm',
  'other-fleet',
] as const;

const found = onACopy(
  `
remove bubblewrap
try told inside /bulkhead/setup/os-packages missing
try offline unshare --net chroot "$root" /bulkhead/setup/os-packages install
try no-root inside setpriv --reuid 65534 --regid 65534 --clear-groups /bulkhead/setup/os-packages install
try start-no-root inside setpriv --reuid 65534 --regid 65534 --clear-groups /bulkhead/setup/start
mv "$root/usr/bin/apt-get" "$root/usr/bin/apt-get.away"
try no-apt inside /bulkhead/setup/os-packages install
rm -f "$root"/usr/bin/npm "$root"/usr/local/bin/npm
try no-npm inside /bulkhead/setup/npm-packages install
mkdir "$root/tmp/state"
echo '{"agents":[],"fleet":"home","format":1}' >"$root/tmp/state/wanted.json"
try other-fleet inside env BULKHEAD_STATE=/tmp/state /bulkhead/setup/start
try start-no-npm inside /bulkhead/setup/start
`,
  NAMES,
);
const skip = typeof found === 'string' ? found : false;
const outcome = (name: (typeof NAMES)[number]): Outcome => (found as Map<string, Outcome>).get(name) as Outcome;

function twoLines(name: (typeof NAMES)[number], what: RegExp, todo: RegExp, status = 3): void {
  const { exit, stderr } = outcome(name);
  const lines = stderr.trim().split('\n');
  assert.equal(lines.length, 2, stderr);
  assert.match(lines[0] ?? '', what);
  assert.match(lines[1] ?? '', todo);
  assert.equal(exit, status);
}

test('a package that is not there is named', { skip }, () => {
  assert.deepEqual(outcome('told'), { exit: 0, stdout: 'bubblewrap\n', stderr: '' });
});

test('without a network it says what apt-get could not install, and why', { skip }, () => {
  twoLines('offline', /^apt-get could not install bubblewrap: (E|Err):/, /is there a network\?/);
});

test('without apt-get it says what to install by other means', { skip }, () => {
  twoLines('no-apt', /^Missing on this machine: bubblewrap; and there is no apt-get/, /own package manager/);
});

test('without root it says what root would have to do', { skip }, () => {
  twoLines('no-root', /^Missing on this machine: bubblewrap; installing them takes root/, /apt-get install bubblewrap/);
  assert.match(outcome('start-no-root').stdout, /without root: three agents[\s\S]*With root [^\n]*sudo npm start/);
});

test('without npm it says where npm comes from, and changes nothing', { skip }, () => {
  twoLines('no-npm', /^npm is not here/, /^Install Node 20 or newer with npm/);
  assert.match(outcome('start-no-npm').stdout, /install npm packages into \.\/node_modules/);
  twoLines('start-no-npm', /^npm is not here/, /^Install Node 20 or newer with npm/);
});

test('where another fleet lives, npm start does not replace it', { skip }, () => {
  twoLines('other-fleet', /^Another fleet already lives in \/tmp\/state/, /bulkhead down --purge/, 2);
  assert.equal(outcome('other-fleet').stdout, '');
});
