// In the folder of the project: puts its tools into a cache of npm's, as packages of a registry that is not there, and locks the project to them.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

const TOOLS = 20;
const npm = (...args) => execFileSync('npm', [...args, '--offline', '--cache', 'cache'], { encoding: 'utf8' });
const project = JSON.parse(readFileSync('package.json', 'utf8'));
const lock = { name: project.name, version: project.version, lockfileVersion: 3, requires: true, packages: {} };
const tool = JSON.parse(readFileSync('tools/checker/package.json', 'utf8'));
const names = Array.from({ length: TOOLS }, (_, n) => (n === 0 ? 'checker' : `checker-${n}`));
for (const name of names) {
  const bin = { [name]: 'checker.mjs' };
  writeFileSync('tools/checker/package.json', JSON.stringify({ ...tool, name, bin }));
  const [{ filename, integrity }] = JSON.parse(npm('pack', './tools/checker', '--json'));
  npm('cache', 'add', `./${filename}`);
  const resolved = `https://packages.test/${name}/-/${filename}`;
  lock.packages[`node_modules/${name}`] = { version: tool.version, resolved, integrity, dev: true, bin };
}
project.devDependencies = Object.fromEntries(names.map((name) => [name, tool.version]));
lock.packages = { '': { ...project, scripts: undefined, private: undefined, type: undefined }, ...lock.packages };
writeFileSync('package.json', JSON.stringify(project, null, 2));
writeFileSync('package-lock.json', JSON.stringify(lock, null, 2));
