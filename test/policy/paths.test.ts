import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { comparablePath, pathMatches, whyNoPathPattern } from '../../src/policy/paths.ts';
import { FUZZ } from '../protocol/seed.ts';

const matches = (pattern: string, target: string): boolean => {
  const path = comparablePath(target);
  return path !== undefined && pathMatches(pattern, path);
};

test('a star is a part of one name, two stars are any number of parts', () => {
  const yes = [
    '/a /a',
    '/a/* /a/b',
    '/a/*.git/x /a/site.git/x',
    '/a/** /a/b/c',
    '/a/** /a',
    '/a/** /a/',
    '/a/**/z /a/z',
    '/a/**/z /a/b/c/z',
    '/** /',
    '/*-*-* /a-b-c',
  ];
  const no = ['/a /a/', '/a /b', '/a/* /a/b/c', '/a/** /ab', '/a/**/z /a/zz', '/*-*-* /a-b', '/ab*ba /aba'];
  for (const line of yes) assert.ok(matches(...(line.split(' ') as [string, string])), line);
  for (const line of no) assert.ok(!matches(...(line.split(' ') as [string, string])), line);
});

test('a path that servers read differently matches nothing, not even everything', () => {
  for (const target of [
    '/a/../b',
    '/a/./b',
    '/%2e%2e/b',
    '/a%2fb',
    '/a%5cb',
    '/a\\b',
    '//a',
    '/a;x=1',
    '/%zz',
    '/%',
    '/a%00',
    '/%25',
    '/%c0%af',
    '/%0a',
    'a',
    '*',
  ])
    assert.equal(comparablePath(target), undefined, target);
  assert.equal(comparablePath('/a%20b?x=/../y#z'), '/a b');
});

test('what a pattern may be is said, and a pattern that is one never throws on any path', () => {
  for (const pattern of ['a', '', '/a b', '/a//b', '/a/../b', '/a**', '/**/x/**', '/a?b', '/%41'])
    assert.equal(typeof whyNoPathPattern(pattern), 'string', pattern);
  const part = fc.constantFrom('a', '*', 'a*', '*b*', '**', '');
  fc.assert(
    fc.property(fc.array(part, { maxLength: 5 }), fc.string({ maxLength: 40 }), (pattern, path) => {
      assert.equal(typeof matches(`/${pattern.join('/')}`, `/${path}`), 'boolean');
    }),
    FUZZ,
  );
});
