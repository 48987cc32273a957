import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeWantedFleet } from '../../src/model/decode.ts';
import { Failure } from '../../src/model/failure.ts';
import { parseFleet } from '../../src/programs/cli/config/parse.ts';

const READING = { source: '/srv/fleet/fleet.yaml', home: '/home/you', user: 'you' };
const file = (entry: string): string => `fleet: x\nagents:\n  a:\n    elevated:\n      - ${entry}\n`;

function refused(entry: string): Failure {
  try {
    parseFleet(file(entry), READING);
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error(`accepted: ${entry}`);
}

test('an elevated command is read with its arguments, its user and its defaults, and the warden reads the same', () => {
  const fleet = parseFleet(
    file(
      '{ run: "systemctl restart {unit} --lines={n} {tag} {file}", with: { unit: [web, 2], n: { from: 1, to: 9 }, tag: { characters: a-z, most: 8 }, file: { below: /srv/web/ } }, as: root, ask: false, time: 30s }',
    ),
    READING,
  );
  assert.deepEqual(fleet.agents[0]?.elevated, [
    {
      run: ['systemctl', 'restart', '{unit}', '--lines={n}', '{tag}', '{file}'],
      with: {
        unit: { kind: 'words', words: ['web', '2'] },
        n: { kind: 'integer', least: 1, most: 9 },
        tag: { kind: 'text', characters: 'a-z', most: 8 },
        file: { kind: 'path', below: '/srv/web' },
      },
      as: 'root',
      ask: false,
      time: 30_000,
    },
  ]);
  assert.deepEqual(decodeWantedFleet(JSON.parse(JSON.stringify(fleet))), fleet);
  const [plain] = parseFleet(file('{ run: [reboot], as: root }'), READING).agents[0]?.elevated ?? [];
  assert.deepEqual(
    [plain?.ask, plain?.time],
    [true, 600_000],
    'asked, and at most ten minutes, unless it says otherwise',
  );
});

test('what cannot be elevated safely is refused where it stands, with the reason and what to do', () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['{ run: "bash -c x", as: root }', /names "bash": it is a shell or interpreter/],
    ['{ run: "/usr/bin/python3 /srv/x.py", as: root }', /interpreter \(python\).*name the script itself/],
    ['{ run: "vim /etc/hosts", as: root }', /an editor/],
    ['{ run: "less /var/log/syslog", as: root }', /a pager/],
    ['{ run: "env x", as: root }', /starts others/],
    ['{ run: "systemctl restart *", as: root }', /wildcard/],
    ['{ run: "systemctl restart {unit}", as: root }', /does not say what \{unit\} may be/],
    ['{ run: "systemctl restart", with: { unit: [a] }, as: root }', /has no \{unit\}/],
    ['{ run: "systemctl restart {u}", with: { u: { characters: "a-z/", most: 9 } }, as: root }', /no slash/],
    ['{ run: "chown web {f}", with: { f: { below: / } }, as: root }', /below a folder/],
    ['{ run: "systemctl restart \'web", as: root }', /quote/],
    ['{ run: "reboot", as: bh-x-a }', /user of an agent/],
    ['{ run: "reboot", as: root, time: 30d }', /too long/],
    ['{ run: "reboot" }', /"as" is missing/],
    ['reboot', /mapping/],
  ];
  for (const [entry, why] of cases) {
    const failure = refused(entry);
    assert.match(`${failure.message}\n${failure.hint}`, why, entry);
    assert.match(failure.at ?? '', /^fleet\.yaml:[0-9]+:[0-9]+$/, entry);
    assert.ok(failure.hint.length > 0 && !failure.hint.includes('\n'), entry);
  }
});

test('the warden takes no rule that the reader would not give it', () => {
  const fleet = parseFleet(file('{ run: "systemctl restart {u}", with: { u: [web] }, as: root }'), READING);
  const changed = (change: object): unknown => {
    const raw = JSON.parse(JSON.stringify(fleet));
    Object.assign(raw.agents[0].elevated[0], change);
    return raw;
  };
  for (const change of [
    { run: ['systemctl', 'restart', '*'] },
    { run: [] },
    { with: {} },
    { with: { u: { kind: 'words', words: ['web'], more: 1 } } },
    { with: { u: { kind: 'regexp', text: '.*' } } },
    { as: 'bulkhead-gateway' },
    { as: 'a b' },
    { ask: 'no' },
    { time: 0 },
    { more: 1 },
  ])
    assert.throws(() => decodeWantedFleet(changed(change)), Failure, JSON.stringify(change));
});
