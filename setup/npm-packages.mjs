// What differs between package-lock.json and node_modules, in one line; nothing when they agree. Runs on Node 18 and newer.
// npm writes node_modules/.package-lock.json last, so a half-done installation has none or an old one.
import { existsSync, readFileSync } from 'node:fs';

const packagesOf = (file) => JSON.parse(readFileSync(file, 'utf8')).packages;
const fits = (list, here) => !list || [list].flat().includes(here);

const wanted = packagesOf('package-lock.json');
const present = packagesOf('node_modules/.package-lock.json');
const differs = [];

for (const [path, entry] of Object.entries(wanted)) {
  if (path === '') continue;
  const here = fits(entry.os, process.platform) && fits(entry.cpu, process.arch) && fits(entry.libc, 'glibc');
  if (entry.optional && !here) continue;
  const found = present[path];
  const same = found && found.version === entry.version && found.integrity === entry.integrity;
  if (!same || !existsSync(`${path}/package.json`)) differs.push(path.replace(/^node_modules\//, ''));
}
for (const path of Object.keys(present)) if (!(path in wanted)) differs.push(path.replace(/^node_modules\//, ''));

if (differs.length > 0) {
  const more = differs.length > 4 ? ` and ${differs.length - 4} more` : '';
  console.log(differs.slice(0, 4).join(', ') + more);
}
