import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { SPARE_UID } from '../../src/drill/spare-uid.ts';
import { type NextDoor, nextDoor } from '../../src/host/arena/next-door.ts';
import { MASKED } from '../../src/tiers/masks.ts';
import { type Standing, standUp } from './standing.ts';
import { attackOf } from './trio.ts';
import { type Trying, trying } from './trying.ts';

let door: NextDoor;
let standing: Standing;
let one: Trying;
before(async () => {
  door = await nextDoor(undefined, SPARE_UID, MASKED);
  standing = await standUp({ plain: {} });
  one = trying(standing, door);
});
after(async () => {
  await standing?.close();
  await door?.close();
});

/** As root, in the mount namespace of the compartment alone: a file system with a file of the host's over a folder there (setns(2), mount(2)). */
const LAY = `my ($ns, $at, $file, $mode, $off) = @ARGV; open my $f, '<', $ns or die "$ns: $!";
my ($type, $how) = ('tmpfs', 'mode=0755,size=1m');
my ($setns, $mount, $umount) = \`uname -m\` =~ /aarch64/ ? (268, 40, 39) : (308, 165, 166);
syscall($setns, fileno $f, 0x20000) == 0 or die "setns: $!";
if ($off) { syscall($umount, $at, 2) == 0 or die "umount: $!"; exit }
syscall($mount, $type, $at, $type, 2 | 4 | 8, $how) == 0 or die "mount $at: $!";
my $path = $at;
my @folders = split m{/}, $file; my $name = pop @folders;
for (@folders) { $path .= "/$_"; mkdir $path, oct($mode) | 0111 & (oct($mode) >> 2) or die "$path: $!" }
open my $new, '>', "$path/$name" or die "$path/$name: $!"; print $new 'secret'; chmod oct $mode, "$path/$name" or die;`;

function laid(at: string, file: string, mode: string): () => void {
  const ns = `/proc/${standing.compartments.get('plain')?.firstPid}/ns/mnt`;
  const lay = (off: string): Buffer => execFileSync('perl', ['-e', LAY, ns, at, file, mode, off]);
  lay('');
  return () => void lay('1');
}

for (const [id, at, file] of [
  ['b38-cred-files', '/home', 'somebody/.ssh/id_ed25519'],
  ['b38-product-secrets', '/var', 'lib/bulkhead/secrets/identity'],
] as const) {
  test(`${id}: where the files are in sight, the other uid holds; without that too it is breached`, async () => {
    assert.equal((await one.inside('plain', attackOf(id))).word, 'refused', 'while both stand');
    let away = laid(at, file, '0700');
    const alone = await one.inside('plain', attackOf(id));
    away();
    assert.equal(alone.word, 'refused', alone.text);
    away = laid(at, file, '0755');
    const { word, text } = await one.inside('plain', attackOf(id));
    away();
    assert.equal(word, 'done', text);
    assert.match(text, new RegExp(`^(?:opened|listed) ${at}/`));
    assert.equal((await one.inside('plain', attackOf(id))).word, 'refused', 'and it stands again');
  });
}
