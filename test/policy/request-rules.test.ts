import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EgressRule } from '../../src/model/fleet.ts';
import { EGRESS_PRESETS, gitRules } from '../../src/policy/egress-presets.ts';
import { areRead, whyNotRequest } from '../../src/policy/request-rules.ts';

const at = { host: 'git.test', port: 443, literal: false };
const may = (rules: readonly EgressRule[], line: string, headers: [string, string][] = [], where = at): boolean => {
  const [method = '', target = '', type] = line.split(' ');
  const all: [string, string][] = type === undefined ? headers : [...headers, ['content-type', type]];
  return whyNotRequest(rules, where, { method, target, headers: all }) === undefined;
};

test('a push is granted to one repository and to no other, however it is spelled', () => {
  const rules = gitRules({ host: 'git.test', port: 443 }, ['me/*'], ['me/site']);
  const receive = 'application/x-git-receive-pack-request';
  const upload = 'application/x-git-upload-pack-request';
  for (const good of [
    '/me/site.git/info/refs?service=git-receive-pack',
    '/me/site/info/refs?service=git-receive-pack',
    '/me/other.git/info/refs?service=git-upload-pack',
  ])
    assert.ok(may(rules, `GET ${good}`), good);
  assert.ok(may(rules, `POST /me/site.git/git-receive-pack ${receive}`));
  assert.ok(may(rules, `POST /me/other.git/git-upload-pack ${upload}`));
  for (const bad of [
    'GET /me/other.git/info/refs?service=git-receive-pack',
    `POST /me/other.git/git-receive-pack ${receive}`,
    `POST /me/site.git/../other.git/git-receive-pack ${receive}`,
    `POST /me/site.git/%2e%2e/other.git/git-receive-pack ${receive}`,
    `POST /me%2fsite.git/git-receive-pack ${receive}`,
    `POST /me/site.git//git-receive-pack ${receive}`,
    'POST /me/site.git/git-receive-pack text/plain',
    `GET /me/site.git/git-receive-pack`,
    'GET /me/site.git/info/refs',
    'GET /me/site.git/info/refs?service=git-upload-archive',
    'GET /me/other.git/info/refs?service=git-upload-pack&service=git-receive-pack',
    'GET /me/other.git/info/refs?service=git-upload-pack;service=git-receive-pack',
    'GET /me/other.git/info/refs?service=git-upload-pack&%73ervice=git-receive-pack',
    'GET /me/other.git/info/refs?service=git-upload-pack&x;service=git-receive-pack',
    'GET /me/other.git/info/refs?service=git-upload-pack&%zz=1',
    'GET /me/other.git/info/refs?service=git-upload-pack#x',
    'GET /you/site.git/info/refs?service=git-upload-pack',
    'GET /me/site.git/settings',
    'GET /',
  ])
    assert.ok(!may(rules, bad), bad);
});

test('the refusal names what is granted, and not what the query held', () => {
  const rules = [{ host: 'git.test', port: 443, methods: ['GET'], paths: ['/v1/**'] }];
  assert.equal(
    whyNotRequest(rules, at, { method: 'POST', target: '/v2?token=abc', headers: [] }),
    'POST /v2?... is not what is granted: { methods: [GET], paths: ["/v1/**"] }',
  );
});

test('a body is of a type that is granted, or there is none; two types are none of them', () => {
  const rules = [{ host: 'git.test', port: 443, types: ['application/json'] }];
  assert.ok(may(rules, 'POST / application/json'));
  assert.ok(may(rules, 'POST /', [['content-type', 'Application/JSON; charset=utf-8']]));
  assert.ok(may(rules, 'POST /', [['content-length', '0']]));
  assert.ok(!may(rules, 'POST /', [['content-length', '3']]));
  assert.ok(!may(rules, 'POST /', [['transfer-encoding', 'chunked']]));
  assert.ok(!may(rules, 'POST / application/json', [['content-type', 'text/plain']]));
  assert.ok(!may(rules, 'POST / text/plain', [['content-type', 'application/json']]), 'in whatever order');
  assert.ok(whyNotRequest(rules, at, { method: 'POST', target: '/', headers: [], hasBody: true }), 'none is said');
  assert.ok(!may(rules, 'POST /', [['content-type', 'text/plain; application/json']]));
});

test('fields by which a server may take a request for another one fulfil no rule about method or path', () => {
  const rules = [{ host: 'git.test', port: 443, methods: ['POST'], paths: ['/v1'] }];
  assert.ok(may(rules, 'POST /v1', [['x-other', 'DELETE']]));
  for (const name of [
    'x-http-method-override',
    'x-http-method',
    'x-method-override',
    'x-original-url',
    'x-rewrite-url',
  ])
    assert.ok(!may(rules, 'POST /v1', [[name, 'DELETE']]), name);
  const asked = [{ host: 'git.test', port: 443, query: { a: ['b'] } }];
  assert.ok(may(asked, 'GET /?a=b'));
  for (const name of ['x-original-url', 'x-rewrite-url'])
    assert.ok(!may(asked, 'GET /?a=b', [[name, '/?a=c']]), `${name}, and a query`);
});

test('the closest host decides, and connections pass unread where nothing asks for more', () => {
  const wide = { host: '*.test', port: 443 };
  const close = { host: 'git.test', port: 443, methods: ['GET'] };
  assert.ok(areRead([wide, close], at) && !areRead([wide], at) && !areRead([], at));
  assert.ok(!may([wide, close], 'POST /') && may([wide, close], 'POST /', [], { ...at, host: 'other.test' }));
  assert.ok(may([], 'POST /'), 'granted by a person, not by a rule');
});

test('a harness’s telemetry is refused by the preset of its service, and its model calls pass', () => {
  const rules = EGRESS_PRESETS.anthropic ?? [];
  const where = { ...at, host: 'api.anthropic.com' };
  assert.ok(may(rules, 'POST /v1/messages?beta=true application/json', [], where));
  assert.ok(may(rules, 'POST /v1/messages/count_tokens application/json', [], where));
  for (const path of [
    '/api/event_logging/batch',
    '/api/claude_cli_feedback',
    '/v1/organizations/me',
    '/v1/messages/../files',
  ])
    assert.ok(!may(rules, `POST ${path} application/json`, [], where), path);
});
