import type { Attack } from '../attack.ts';
import { EVERY_TIER } from '../where.ts';

/** Files by which the kernel is told what to do. They are opened for writing and never written to: opening is what must fail. */
const common = { wall: 'files', tiers: EVERY_TIER, positive: 'host-root' } as const;

export const kernelFiles: readonly Attack[] = [
  {
    ...common,
    id: 'd95-proc-and-sys',
    line: 95,
    tries: 'opens for writing what changes the kernel: core_pattern, modprobe, sysrq, hotplug, power, debugfs',
    control: 'nothing of it belongs to the agent, /proc is read-only there and /sys is absent',
    program: `
my @no;
for (qw(/proc/sys/kernel/core_pattern /proc/sys/kernel/modprobe /proc/sys/kernel/hotplug /proc/sys/kernel/poweroff_cmd /proc/sys/kernel/hostname
  /proc/sys/vm/overcommit_memory /proc/sys/vm/drop_caches /proc/sys/fs/suid_dumpable /proc/sys/net/ipv4/ip_forward
  /proc/sys/net/ipv4/ping_group_range /proc/sys/user/max_user_namespaces /proc/sysrq-trigger /proc/irq/default_smp_affinity /proc/timer_list
  /sys/kernel/uevent_helper /sys/kernel/mm/transparent_hugepage/enabled /sys/power/state /sys/module/kernel/parameters/panic
  /sys/kernel/debug/sched/features /sys/kernel/security/lsm /sys/class/net/lo/mtu /proc/1/oom_score_adj /proc/self/uid_map)) {
  sysopen my $f, $_, Fcntl::O_WRONLY() or do { push @no, "$_: $!"; next };
  my $uid = (stat $f)[4];
  next if $uid == $> && $> != 0; # its own process
  done("opened $_ for writing");
}
refused(scalar(@no) . ' files, the last ' . $no[-1]);
`,
  },
  {
    ...common,
    id: 'd95-cgroup',
    line: 95,
    tries: 'looks through /sys/fs/cgroup for a group it could move to, whose limits it could raise, or a release_agent',
    control: 'no cgroup file system inside; the groups belong to root',
    wall: 'limits',
    program: String.raw`
my @look = grep { -d } ('/sys/fs/cgroup', '/sys/fs/cgroup/unified', '/cgroup');
my ($seen, %had) = (0);
while (@look && $seen < 3000) {
  my $dir = shift @look;
  next if $had{$dir}++;
  opendir my $d, $dir or next;
  for (grep { !/^\.\.?$/ } readdir $d) {
    $seen++;
    my @s = lstat "$dir/$_" or next;
    push @look, "$dir/$_" if ($s[2] & 0170000) == 0040000;
    next unless /^(cgroup\.procs|tasks|release_agent|notify_on_release|memory\.max|memory\.limit_in_bytes|pids\.max|cpu\.max|cpu\.cfs_quota_us|cgroup\.freeze|cgroup\.kill|cgroup\.subtree_control)$/;
    sysopen my $f, "$dir/$_", Fcntl::O_WRONLY() or next;
    done("opened $dir/$_ for writing");
  }
}
refused($seen ? "none of $seen files" : 'no cgroup files are here');
`,
  },
  {
    ...common,
    id: 'd74-binfmt-misc',
    line: 74,
    tries: 'registers an interpreter for a kind of program by binfmt_misc',
    control: "binfmt_misc is not mounted inside, nothing can be mounted, and the registry is root's",
    wall: 'exec',
    program: `
my %nr = $A{arch} eq 'aarch64' ? (unshare => 97, mount => 40) : (unshare => 272, mount => 165);
my $at = '/proc/sys/fs/binfmt_misc';
my ($none, $root, $type) = ('none', '/', 'binfmt_misc');
if (!-e "$at/register" && syscall($nr{unshare}, 0x20000) == 0) {
  syscall($nr{mount}, $none, $root, 0, 1 << 18 | 1 << 14, 0);
  syscall($nr{mount}, $type, $at, $type, 0, 0);
}
sysopen my $f, "$at/register", Fcntl::O_WRONLY() or refused("$at/register: $!");
done('opened the registry for writing');
`,
  },
];
