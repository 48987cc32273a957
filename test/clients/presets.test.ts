import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { generateX25519Identity } from 'age-encryption';
import { EGRESS_PRESETS } from '../../src/policy/egress-presets.ts';
import { DEBIAN_HOST, NPM_HOST } from '../../src/policy/package-hosts.ts';
import { SECRET_PRESETS } from '../../src/policy/secret-presets.ts';
import { sealed } from '../../src/programs/cli/seal.ts';
import { agentOf } from '../config/reading.ts';
import { NOT_ROOT } from '../e2e/stand.ts';
import { listenTo } from '../gateway/said.ts';
import { World } from '../gateway/world.ts';
import { Services } from './services.ts';

// Each preset as a fleet.yaml names it, the real gateway, and the real client where Debian or npm has one, else the request of the service's own
// documentation by curl. The services are played in a pretended internet, under their own names.

interface Seen {
  readonly host: string;
  readonly port: number;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const AT = '203.0.113.12';
const HOSTS = [
  ...new Set(Object.values(EGRESS_PRESETS).flatMap((rules) => rules.map(({ host }) => host.replace(/^\*/, 'some')))),
].filter((host) => !host.endsWith('.internal'));
const SECRETS = [
  'ANTHROPIC_API_KEY',
  'OPENAI_API_KEY',
  'CODEX_SIGN_IN',
  'GEMINI_API_KEY',
  'GITHUB_TOKEN',
  'NPM_TOKEN',
  'TELEGRAM_TOKEN',
  'SLACK_WEBHOOK_URL',
  'HF_TOKEN',
];
/** A value for each, of the shape that its service gives out. */
const VALUES = Object.fromEntries(
  SECRETS.map((name) => [
    name,
    name === 'SLACK_WEBHOOK_URL'
      ? 'T0000000/B0000000/realhookreal'
      : `${(SECRET_PRESETS[name]?.like ?? '').slice(0, -8)}RealReal`,
  ]),
);

const world = new World();
const seen: Seen[] = [];
const timed: { readonly question: string }[] = [];
const env: Record<string, string> = {};
const nameOf = (variable: string): string => variable.toLowerCase().replaceAll('_', '-');
let folder = '';

before(async () => {
  if (NOT_ROOT) return;
  world.identity = await generateX25519Identity();
  await world.start(Object.fromEntries(HOSTS.map((host) => [host, AT])));
  world.onQuestion = ({ id }) => world.warden.reply({ id, ok: {} });
  folder = join(world.dir, 'served');
  mkdirSync(folder);
  new Services(folder, 'unused');
  debianArchive(folder);
  const names = HOSTS.map((host) => `DNS:${host}`).join(',');
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const files = ['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')];
  execFileSync(
    'openssl',
    ['req', '-x509', ...key, ...files, '-subj', '/CN=all', '-addext', `subjectAltName=${names}`],
    { stdio: 'ignore' },
  );
  execFileSync('ip', ['-n', world.outside, 'addr', 'add', `${AT}/32`, 'dev', 'lo']);
  const origin = world.outsideBackground([
    process.execPath,
    fileURLToPath(new URL('preset-origin.ts', import.meta.url)),
    AT,
    folder,
  ]);
  await listenTo(origin, (one) => seen.push(one));
  const clock = world.outsideBackground([
    process.execPath,
    fileURLToPath(new URL('../gateway/time-origin.ts', import.meta.url)),
    `${AT}=plain`,
  ]);
  await listenTo(clock, (one) => timed.push(one));
  const { egress, secrets } = agentOf(
    `egress: [${Object.keys(EGRESS_PRESETS).join(', ')}]\nsecrets: { ${SECRETS.map((name) => `${name}: ${nameOf(name)}`).join(', ')} }`,
  );
  const roots = [readFileSync(join(folder, 'cert.pem'), 'utf8')];
  await world.warden.call('policy', { roots, agents: [{ name: 'coder', egress, grants: [], secrets }] });
  const { recipient } = (await world.warden.call('secrets.recipient')) as { recipient: string };
  for (const name of SECRETS) {
    const bytes = Buffer.from(await sealed(VALUES[name] ?? '', recipient)).toString('base64');
    await world.warden.call('secrets.set', { name: nameOf(name), sealed: bytes });
  }
  Object.assign(env, await world.warden.call('secrets.placeholders', { agent: 'coder' }));
  const { certificate } = (await world.warden.call('secrets.authority')) as { certificate: string };
  const bundle = join(world.dir, 'bundle.pem');
  writeFileSync(bundle, certificate + roots[0], { mode: 0o644 });
  for (const name of [
    'CURL_CA_BUNDLE',
    'NODE_EXTRA_CA_CERTS',
    'npm_config_cafile',
    'PIP_CERT',
    'GIT_SSL_CAINFO',
    'SSL_CERT_FILE',
  ])
    env[name] = bundle;
  // Nothing of this machine's own settings.
  Object.assign(env, { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', PIP_CONFIG_FILE: '/dev/null' });
  env.HOME = join(world.dir, 'home');
  execFileSync('install', ['-d', '-m', '777', env.HOME]);
  await world.agent('coder');
});
after(async () => {
  if (NOT_ROOT) return;
  if (world.log.length > 0) console.log(world.log.join(''));
  await world.stop();
});

/** A script in the compartment. */
async function sh(script: string): Promise<string> {
  seen.length = 0;
  const words = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const { out, err } = await world.run('coder', ['env', '-i', ...words, 'sh', '-c', `cd "$HOME" && ${script}`]);
  for (const value of Object.values(VALUES)) assert.ok(!(out + err).includes(value), 'a value came back');
  return out + err;
}

/** An archive with one package (deb-archive repository format; Debian wiki, "DebianRepository/Format"). */
function debianArchive(at: string): void {
  const script = `
    mkdir -p thing/DEBIAN debian/pool debian/dists/stable/main/binary-all debian/dists/stable/main/binary-$(dpkg --print-architecture)
    printf 'Package: thing\\nVersion: 1.0\\nArchitecture: all\\nMaintainer: a <a@a.test>\\nDescription: a thing\\n' >thing/DEBIAN/control
    dpkg-deb -b thing debian/pool/thing.deb >/dev/null
    cd debian
    { cat ../thing/DEBIAN/control; echo Filename: pool/thing.deb; echo Size: $(stat -c %s pool/thing.deb); echo SHA256: $(sha256sum pool/thing.deb | cut -d' ' -f1); echo; } >P
    for d in dists/stable/main/binary-*; do cp P $d/Packages; done
    cd dists/stable
    { echo 'Suite: stable'; echo "Date: $(date -Ru)"; echo 'Components: main'; echo "Architectures: all $(dpkg --print-architecture)"; echo SHA256:
      for f in main/binary-*/Packages; do echo " $(sha256sum $f | cut -d' ' -f1) $(stat -c %s $f) $f"; done; } >Release`;
  execFileSync('sh', ['-c', script], { cwd: at });
}

const skip = NOT_ROOT;
const json = `-H 'content-type: application/json'`;
const curl = 'curl -sS -m 20';

interface Try {
  readonly run: string;
  readonly said: RegExp;
  /** What the service saw of the secret. */
  readonly field?: readonly [name: string, value: string];
  readonly url?: RegExp;
  /** What the preset does not open, at the same hosts. */
  readonly not: readonly string[];
}

const TRIES: Readonly<Record<string, Try>> = {
  anthropic: {
    run: `${curl} https://api.anthropic.com/v1/messages -H "x-api-key: $ANTHROPIC_API_KEY" -H 'anthropic-version: 2023-06-01' ${json} -d '{"model":"m","max_tokens":1,"messages":[]}'`,
    said: /"path":"\/v1\/messages"/,
    field: ['x-api-key', VALUES.ANTHROPIC_API_KEY ?? ''],
    not: [
      `${curl} https://api.anthropic.com/api/event_logging/batch ${json} -d '{}'`,
      `${curl} -X DELETE https://api.anthropic.com/v1/messages`,
    ],
  },
  openai: {
    run: `${curl} https://api.openai.com/v1/responses -H "Authorization: Bearer $OPENAI_API_KEY" ${json} -d '{"model":"m","input":"x"}'`,
    said: /"path":"\/v1\/responses"/,
    field: ['authorization', `Bearer ${VALUES.OPENAI_API_KEY}`],
    not: [`${curl} https://api.openai.com/v1/organization/users`, `${curl} https://api.openai.com/v1/files`],
  },
  codex: {
    run: `${curl} https://chatgpt.com/backend-api/codex/responses -H "Authorization: Bearer $CODEX_SIGN_IN" ${json} -d '{"model":"m","input":"x"}'; ${curl} https://auth.openai.com/oauth/token ${json} -d '{}'`,
    said: /"path":"\/backend-api\/codex\/responses".*"path":"\/oauth\/token"/,
    field: ['authorization', `Bearer ${VALUES.CODEX_SIGN_IN}`],
    not: [
      `${curl} https://chatgpt.com/backend-api/codex/analytics-events/events ${json} -d '{}'`,
      `${curl} https://chatgpt.com/backend-api/conversations`,
      `${curl} https://auth.openai.com/oauth/revoke ${json} -d '{}'`,
    ],
  },
  gemini: {
    run: `${curl} "https://generativelanguage.googleapis.com/v1beta/models/m:streamGenerateContent?alt=sse&key=$GEMINI_API_KEY" ${json} -d '{"contents":[]}' && ${curl} https://generativelanguage.googleapis.com/v1beta/models/m:generateContent -H "x-goog-api-key: $GEMINI_API_KEY" ${json} -d '{"contents":[]}'`,
    said: /streamGenerateContent.*models\/m:generateContent/,
    field: ['x-goog-api-key', VALUES.GEMINI_API_KEY ?? ''],
    not: [`${curl} https://generativelanguage.googleapis.com/v1beta/files`],
  },
  github: {
    run: `${curl} https://api.github.com/user -H "Authorization: Bearer $GITHUB_TOKEN" -H 'accept: application/vnd.github+json'; git -c credential.helper='!f() { echo username=x; echo "password=$GITHUB_TOKEN"; }; f' -c http.proactiveAuth=basic ls-remote https://x:$GITHUB_TOKEN@github.com/me/site.git`,
    said: /"path":"\/user"/,
    field: ['authorization', `Bearer ${VALUES.GITHUB_TOKEN}`],
    not: [`${curl} "https://api.github.com/user?t=$GITHUB_TOKEN"`],
  },
  npm: {
    run: `mkdir n && cd n && printf '%s\\n' '//${NPM_HOST}/:_authToken=\${NPM_TOKEN}' registry=https://${NPM_HOST}/ >.npmrc && npm install --no-fund thing && ls node_modules`,
    said: /thing/,
    field: ['authorization', `Bearer ${VALUES.NPM_TOKEN}`],
    not: [`${curl} -X PUT https://${NPM_HOST}/mine -d '{}'`],
  },
  pypi: {
    run: 'pip3 install --disable-pip-version-check --no-cache-dir -q --target out thing && cat out/thing.py',
    said: /the thing/,
    not: [`${curl} https://pypi.org/legacy/ -d a`, `${curl} https://pypi.org/manage/`],
  },
  debian: {
    run: `mkdir -p a/etc a/state/lists/partial a/cache/archives/partial && echo 'deb [trusted=yes] http://${DEBIAN_HOST}/debian stable main' >a/list &&
      a="apt-get -q -o Dir::Etc::SourceList=$HOME/a/list -o Dir::Etc::SourceParts=/nowhere -o Dir::Etc::Parts=/nowhere -o Dir::State=$HOME/a/state -o Dir::Cache=$HOME/a/cache -o Dir::State::status=/dev/null -o APT::Sandbox::User= -o Acquire::Languages=none" &&
      $a update && $a download thing && ls *.deb`,
    said: /thing_1\.0_all\.deb/,
    not: [`${curl} http://${DEBIAN_HOST}/other`, `${curl} http://${DEBIAN_HOST}/debian/x -d a`],
  },
  telegram: {
    run: `${curl} "https://api.telegram.org/bot$TELEGRAM_TOKEN/sendMessage" -d chat_id=1 -d text=hello`,
    said: /"path":"\/bot[0-9]+:\w+\/sendMessage"/,
    url: new RegExp(`^/bot${VALUES.TELEGRAM_TOKEN}/sendMessage$`),
    not: [
      `${curl} "https://api.telegram.org/bot1:of-an-attacker/sendMessage"`,
      `${curl} https://api.telegram.org/other`,
    ],
  },
  'slack-webhooks': {
    run: `${curl} "$SLACK_WEBHOOK_URL" ${json} -d '{"text":"hello"}'`,
    said: /"host":"hooks\.slack\.com"/,
    url: new RegExp(`^/services/${VALUES.SLACK_WEBHOOK_URL}$`),
    not: [
      `${curl} https://hooks.slack.com/services/T1/B1/of-an-attacker -d '{}'`,
      `${curl} https://hooks.slack.com/workflows/x -d '{}'`,
    ],
  },
  'signal-cli': {
    run: `${curl} http://signal-cli.internal:8080/api/v1/rpc ${json} -d '{"jsonrpc":"2.0","method":"send","id":1}' && ${curl} http://signal-cli.internal:8080/api/v1/check`,
    said: /"path":"\/api\/v1\/rpc"/,
    not: [`${curl} http://signal-cli.internal:8080/metrics`],
  },
  huggingface: {
    run: `${curl} https://huggingface.co/me/m/resolve/main/config.json -H "Authorization: Bearer $HF_TOKEN"; ${curl} https://some.hf.co/blob`,
    said: /config\.json.*blob/,
    field: ['authorization', `Bearer ${VALUES.HF_TOKEN}`],
    not: [`${curl} https://huggingface.co/api/repos/create ${json} -d '{}'`],
  },
  'apple-ocsp': {
    run: `${curl} http://ocsp.apple.com/ocsp03-devid01 -H 'content-type: application/ocsp-request' --data-binary x && ${curl} https://ocsp2.apple.com/ocsp/abc`,
    said: /ocsp03-devid01.*\/ocsp\/abc/,
    not: [`${curl} http://ocsp.apple.com/ -d a=b`],
  },
  // The server is an hour ahead. By TCP there is nothing.
  'apple-time': {
    run: 'ntpdig -p 2 time.apple.com && ntpdig -6 time.apple.com',
    said: /\+3[56]\d\d\.\d+ \S+ \S+ time\.apple\.com 198\.18\.\S+ s2 .* \+3[56]\d\d\.\d+ .* fd62:\S+ s2 no-leap/,
    not: [`${curl} http://time.apple.com:123/`],
  },
};

test('every preset has its client here', () =>
  assert.deepEqual(Object.keys(TRIES).sort(), Object.keys(EGRESS_PRESETS).sort()));

for (const [name, { run, said, field, url, not }] of Object.entries(TRIES))
  test(`${name}: its client works by the preset alone, and what the preset does not name is refused`, {
    skip,
  }, async () => {
    const out = await sh(run);
    assert.match(out.replaceAll('\n', ' '), said, out);
    if (field)
      assert.ok(
        seen.some(({ headers }) => headers[field[0]] === field[1]),
        JSON.stringify(seen),
      );
    if (url)
      assert.ok(
        seen.some((one) => url.test(one.url)),
        JSON.stringify(seen),
      );
    if (name === 'apple-time')
      assert.deepEqual(
        timed.map(({ question }) => question.slice(0, 80)),
        [`23000020${'00'.repeat(36)}`],
      );
    for (const line of not) {
      assert.match(await sh(line), /"rule":/, line);
      assert.deepEqual(seen, [], line);
    }
  });
