import assert from 'node:assert/strict';
import test from 'node:test';
import { projectFiles, read } from '../tree/sources.ts';

interface Locked {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly hasInstallScript?: boolean;
  readonly dependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
  readonly link?: boolean;
}

const lockText = read('package-lock.json');
const locked = Object.entries((JSON.parse(lockText) as { packages: Record<string, Locked> }).packages).filter(
  ([path]) => path !== '',
);
const wanted = JSON.parse(read('package.json')) as {
  readonly [kind: string]: Record<string, string> | undefined;
  readonly scripts?: Record<string, string>;
};

test('no dependency needs an install script: none is run, and the one package that has one works', async () => {
  const having = locked.filter(([, entry]) => entry.hasInstallScript).map(([path]) => path);
  assert.deepEqual(having, ['node_modules/koffi'], 'koffi builds itself only where no prebuilt part of it fits');
  assert.match(read('.npmrc'), /^ignore-scripts=true$/m);
  assert.match(read('setup/npm-packages'), /npm ci --ignore-scripts/);
  assert.ok(locked.some(([path]) => path === `node_modules/@koromix/koffi-${process.platform}-${process.arch}`));
  const koffi = (await import('koffi')).default;
  assert.equal(koffi.load('libc.so.6').func('int getpid()')(), process.pid);
});

test('package.json has no script that npm runs by itself while installing', () => {
  const byItself = [
    'preinstall',
    'install',
    'postinstall',
    'preprepare',
    'prepare',
    'postprepare',
    'prepublish',
    'dependencies',
  ];
  assert.deepEqual(
    byItself.filter((name) => wanted.scripts?.[name] !== undefined),
    [],
  );
});

test('every dependency is pinned to one version', () => {
  const asked = ['dependencies', 'devDependencies', 'optionalDependencies'].flatMap((kind) =>
    Object.entries(wanted[kind] ?? {}),
  );
  assert.ok(asked.length > 0);
  for (const [name, version] of asked) {
    assert.match(version, /^\d+\.\d+\.\d+(-[\w.]+)?$/, name);
    assert.equal(
      locked.find(([path]) => path === `node_modules/${name}`)?.[1].version,
      version,
      `${name} in package-lock.json`,
    );
  }
});

test('package-lock.json is whole: what a locked package depends on is locked too, or npm ci refuses all of it', () => {
  const paths = new Set(locked.map(([path]) => path));
  const missing = locked.flatMap(([path, { dependencies, optionalDependencies }]) =>
    Object.keys({ ...dependencies, ...optionalDependencies })
      .filter((name) => !paths.has(`node_modules/${name}`) && !paths.has(`${path}/node_modules/${name}`))
      .map((name) => `${path} needs ${name}`),
  );
  assert.deepEqual(missing, []);
});

test('every locked package has a digest, and none names where it comes from', () => {
  for (const [path, entry] of locked) {
    assert.match(entry.integrity ?? '', /^sha512-/, path);
    assert.equal(entry.resolved, undefined, path);
    assert.notEqual(entry.link, true, path);
  }
});

test('no file of ours names a package registry', () => {
  // Put together here, so that this file does not name them itself.
  const registries = ['registry.npmjs', 'registry.yarnpkg', 'npm.pkg.github', 'deb.debian', 'security.debian'].map(
    (name) => `${name}.`,
  );
  const funding = /"url": "https:\/\/[^"]*"/g; // where a package asks for support: not a place it comes from
  const naming = projectFiles().filter((path) => {
    const text = read(path).replace(funding, '');
    return registries.some((name) => text.includes(name)) || /^\s*(@[\w-]+:)?registry\s*=/m.test(text);
  });
  assert.deepEqual(naming, []);
});
