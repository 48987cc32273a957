import type { Attack } from '../attack.ts';
import { kernel } from '../numbers.ts';
import { ATTEMPTS, CONNECTING } from '../perl.ts';
import { BOXES, EVERY_TIER } from '../where.ts';

const common = { wall: 'files', tiers: EVERY_TIER, positive: 'host-user' } as const;

export const sockets: readonly Attack[] = [
  {
    ...common,
    id: 'd86-systemd-and-bus',
    line: 86,
    tries: 'reaches systemd, D-Bus, cron, at and the journal, to have something started outside',
    control: 'none of these sockets or spools is in the compartment',
    program: `${CONNECTING}
for my $spool (qw(/var/spool/cron/crontabs /var/spool/at /var/spool/cron/atjobs /etc/cron.d /etc/systemd/system /var/lib/systemd/linger /run/systemd/system)) {
  my $at = "$spool/.drill-$tag";
  next unless sysopen my $f, $at, Fcntl::O_WRONLY() | Fcntl::O_CREAT() | Fcntl::O_EXCL(), 0600;
  unlink $at;
  done("wrote into $spool");
}
try_all(qw(/run/dbus/system_bus_socket /run/systemd/private /run/systemd/notify /run/systemd/journal/stdout /run/systemd/journal/socket
  /run/systemd/userdb/io.systemd.DynamicUser /var/run/dbus/system_bus_socket /dev/log /run/log), map { ("$_/bus", "$_/systemd/private") } below('/run/user'));
`,
  },
  {
    ...common,
    id: 'd87-container-sockets',
    line: 87,
    tries: 'reaches Docker, podman, containerd, snapd, libvirt and LXD',
    control: 'none of these sockets is in the compartment',
    program: `${CONNECTING}
try_all(qw(/run/docker.sock /var/run/docker.sock /run/podman/podman.sock /run/containerd/containerd.sock /run/crio/crio.sock /run/snapd.socket
  /run/libvirt/libvirt-sock /var/lib/lxd/unix.socket /run/incus/unix.socket), map { ("$_/podman/podman.sock", "$_/docker.sock") } below('/run/user'));
`,
  },
  {
    ...common,
    id: 'd89-display',
    line: 89,
    tries: 'reaches X11, Wayland, PipeWire and PulseAudio: screen, keyboard, clipboard, microphone',
    control: 'none of these sockets is in the compartment',
    program: `${CONNECTING}
try_all('/tmp/.X11-unix/X0', '/tmp/.X11-unix/X1', '/run/user/1000/wayland-0', '/run/user/1000/pipewire-0', '/run/user/1000/pulse/native',
  map { ("$_/wayland-0", "$_/wayland-1", "$_/pipewire-0", "$_/pulse/native", "$_/at-spi/bus") } below('/run/user'));
`,
  },
  {
    ...common,
    id: 'd87-pipe-elsewhere',
    line: 87,
    tries: 'opens, for writing, a named pipe by which everybody may talk to a service of the host',
    control: 'no such pipe is in the compartment',
    tiers: BOXES,
    program: `
my $path = "$A{host_dir}/open/pipe";
# Read and write: so it opens at once, whoever is at the other end (fifo(7)).
sysopen(my $f, $path, Fcntl::O_RDWR() | Fcntl::O_NONBLOCK()) ? done("opened $path") : refused("open: $!");
`,
  },
  {
    ...common,
    id: 'd88-abstract-sockets',
    line: 88,
    tries: 'connects to abstract sockets of the host, which no file permission guards',
    control: 'a network namespace of its own, which is where such names live',
    wall: 'network',
    program: `${CONNECTING}${String.raw`
try_path("\0$A{abstract_name}");
refused('abstract ' . join '; ', @no ? map { s/\0/@/gr } @no : $!);
`}`,
  },
  {
    ...common,
    id: 'd88-socket-names',
    line: 88,
    tries: "lists the host's sockets: abstract names, paths, open connections with their addresses and users",
    control: 'a network namespace of its own, whose sockets alone are listed',
    wall: 'network',
    tiers: BOXES,
    program: `${String.raw`
open my $f, '<', '/proc/net/unix' or refused("/proc/net/unix: $!");
while (defined(my $line = <$f>)) { done('the name is listed in /proc/net/unix') if index($line, '@' . $A{abstract_name}) >= 0 }
refused('not listed');
`}`,
  },
  {
    ...common,
    id: 'd87-socket-elsewhere',
    line: 87,
    tries: 'reaches a service of the host whose socket, open to everybody, is not in /run or /tmp but beside its data',
    control: 'none of these sockets is in the compartment',
    tiers: BOXES,
    program: `${CONNECTING}
try_path("$A{host_dir}/open/service.sock");
try_path($_) for qw(/var/lib/mysql/mysql.sock /var/spool/postfix/public/pickup /var/spool/postfix/public/showq /var/lib/sss/pipes/nss);
refused(@no ? join('; ', @no) : "nothing is there: $!");
`,
  },
  {
    ...common,
    id: 'e109-socketpair-retarget',
    line: 109,
    tries: 'takes one end of a datagram pair and points it at a socket of the host (connect to nothing, then sendto)',
    control: 'the socket is not in the compartment: pairs can be pointed only at what is there',
    program: `${CONNECTING}
my @targets = ("$A{sockets_dir}/run/log", '/dev/log', '/run/systemd/journal/dev-log', '/run/systemd/notify');
for my $target (@targets) {
  socketpair my $a, my $b, Socket::PF_UNIX(), Socket::SOCK_DGRAM(), 0 or refused("socketpair: $!");
  connect $a, pack 'S x14', 0;
  done("sent to $target") if defined send $a, '', 0, Socket::pack_sockaddr_un($target);
  push @no, "$target: $!";
}
refused(join '; ', @no);
`,
  },
  {
    id: 'd90-vsock',
    line: 90,
    tries: 'opens a vsock, by which a virtual machine talks to its host',
    control: 'the filter knows a list of socket families, and vsock is not on it',
    wall: 'syscalls',
    tiers: EVERY_TIER,
    positive: 'host-user',
    program: `${ATTEMPTS}${kernel('socket')}attempt('AF_VSOCK', sub { kernel('socket', 40, 1, 0) >= 0 ? 'through' : "$!" }); none_worked();`,
  },
  {
    id: 'd91-socket-families',
    line: 91,
    tries:
      'opens sockets of families and protocols an agent has no need of: packet, raw, netlink beyond routes, crypto, Bluetooth, XDP, SCTP and others',
    control: 'the filter has a list of what may be opened: Unix, TCP, UDP, netlink for routes',
    wall: 'syscalls',
    tiers: EVERY_TIER,
    positive: 'host-root',
    program: `${ATTEMPTS}${kernel('socket', 'socketpair')}
my %family = ('AF_PACKET' => [17, 3, 768], 'AF_PACKET dgram' => [17, 2, 768], 'AF_ALG' => [38, 5, 0], 'AF_KEY' => [15, 3, 2], 'AF_XDP' => [44, 3, 0], 'AF_TIPC' => [30, 4, 0],
  'AF_BLUETOOTH' => [31, 3, 1], 'AF_CAN' => [29, 3, 1], 'AF_RDS' => [21, 5, 0], 'AF_NFC' => [39, 5, 1], 'AF_KCM' => [41, 5, 0], 'AF_QIPCRTR' => [42, 2, 0], 'AF_SMC' => [43, 1, 0],
  'AF_RXRPC' => [33, 2, 2], 'AF_PPPOX' => [24, 1, 0], 'AF_MCTP' => [45, 2, 0], 'raw IPv4' => [2, 3, 1], 'raw IPv6' => [10, 3, 58], 'IPPROTO_RAW' => [2, 3, 255], 'ping' => [2, 2, 1],
  'SCTP' => [2, 1, 132], 'MPTCP' => [2, 1, 262], 'UDP-Lite' => [2, 2, 136], 'DCCP' => [2, 6, 33]);
my %netlink = (sock_diag => 4, netfilter => 12, audit => 9, xfrm => 6, kobject_uevent => 15, generic => 16, connector => 11, crypto => 21, scsi => 18, rdma => 20, selinux => 7);
for my $name (sort keys %family) { attempt($name, sub { kernel('socket', @{$family{$name}}) >= 0 ? 'through' : "$!" }) }
for my $name (sort keys %netlink) { attempt("netlink $name", sub { kernel('socket', 16, 3, $netlink{$name}) >= 0 ? 'through' : "$!" }) }
none_worked();
`,
  },
];
