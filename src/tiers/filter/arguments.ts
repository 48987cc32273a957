import { anyBit, type Disposition, oneOf } from './disposition.ts';

/** The calls that are neither good nor bad by their number: what their arguments ask for decides. */

const SET_ID = 0o6000; // S_ISUID | S_ISGID
const FILE_TYPE = 0o170000; // S_IFMT
const REGULAR = 0o100000;
const FIFO = 0o010000;
const SOCKET = 0o140000;

/** open(2): the mode is looked at only with these. O_CREAT, __O_TMPFILE (asm-generic/fcntl.h; the same on both). */
const CREATES = 0o100 | 0o20000000;

/** No file may become set-user-ID or set-group-ID: whoever ran it later, on a mount without nosuid, would be the agent.
 *  The filter cannot see whether a path is a directory, so it refuses set-group-ID directories too.
 *  @param arg  the number of the mode's argument */
export function modeWithoutSetId(arg: number): Disposition {
  return { rules: [{ when: [anyBit(arg, SET_ID)], gives: 'EPERM' }], otherwise: 'allow' };
}

/** @param flags  the number of the flags' argument; the mode is the next */
export function openWithoutSetId(flags: number): Disposition {
  return {
    rules: [{ when: [anyBit(flags + 1, SET_ID), anyBit(flags, CREATES)], gives: 'EPERM' }],
    otherwise: 'allow',
  };
}

/** Files, FIFOs and sockets; no devices, no set-id bits. @param arg  the number of the mode's argument */
export function plainNode(arg: number): Disposition {
  return {
    rules: [{ when: [oneOf(arg, [0, REGULAR, FIFO, SOCKET], FILE_TYPE | SET_ID)], gives: 'allow' }],
    otherwise: 'EPERM',
  };
}

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. CLONE_NEWTIME does not exist in clone(2): its bit lies in
 *  the exit signal. The flags are argument 0 on both architectures (CLONE_BACKWARDS moves only what follows). */
const NEW_NAMESPACES = 0x7e02_0000;

/** Two processes that share their working directory (CLONE_FS without CLONE_THREAD): exec does not part them, so one of them could
 *  move the other's directory between the exec gate's question and the start. Threads share it too, and end at an exec. */
const CLONE_FS = 0x200;
const CLONE_THREAD = 0x1_0000;

export const cloneWithoutNamespaces: Disposition = {
  rules: [
    { when: [anyBit(0, NEW_NAMESPACES)], gives: 'EPERM' },
    { when: [oneOf(0, [CLONE_FS], CLONE_FS | CLONE_THREAD)], gives: 'EPERM' },
  ],
  otherwise: 'allow',
};

const UNIX = 1;
const INET = 2;
const INET6 = 10;
const NETLINK = 16;
const STREAM = 1;
const DATAGRAM = 2;
const RAW = 3;
const SEQPACKET = 5;
/** SOCK_TYPE_MASK (linux/net.h): SOCK_NONBLOCK and SOCK_CLOEXEC lie above it. */
const TYPE = 0xf;
const IP_DEFAULT = 0;
const TCP = 6;
const UDP = 17;
const ROUTE = 0; // NETLINK_ROUTE

/** Unix, TCP, UDP, and netlink for routes (getaddrinfo asks there for addresses). The errors are those of a kernel without
 *  the family or protocol, for which programs are prepared. */
export const plainSockets: Disposition = {
  rules: [
    { when: [oneOf(0, [UNIX]), oneOf(1, [STREAM, DATAGRAM, SEQPACKET], TYPE)], gives: 'allow' },
    {
      when: [oneOf(0, [INET, INET6]), oneOf(1, [STREAM, DATAGRAM], TYPE), oneOf(2, [IP_DEFAULT, TCP, UDP])],
      gives: 'allow',
    },
    { when: [oneOf(0, [NETLINK]), oneOf(1, [RAW, DATAGRAM], TYPE), oneOf(2, [ROUTE])], gives: 'allow' },
    { when: [oneOf(0, [INET, INET6]), oneOf(1, [STREAM, DATAGRAM], TYPE)], gives: 'EPROTONOSUPPORT' },
    { when: [oneOf(0, [NETLINK])], gives: 'EPROTONOSUPPORT' },
    { when: [oneOf(0, [UNIX, INET, INET6])], gives: 'EPERM' },
  ],
  otherwise: 'EAFNOSUPPORT',
};

/** No multicast groups: the kernel itself tells the network which are joined (IGMP, RFC 3376; MLD, RFC 3810), in packets that no
 *  packet filter knows the sender of, and the group's address is the agent's choice. On a machine without a network the error is the
 *  same. Numbers: linux/in.h (ADD_MEMBERSHIP, ADD_SOURCE_MEMBERSHIP, MCAST_JOIN_GROUP and _SOURCE_GROUP), linux/in6.h. */
export const optionsWithoutGroups: Disposition = {
  rules: [
    { when: [oneOf(1, [0]), oneOf(2, [35, 39, 42, 46])], gives: 'ENODEV' },
    { when: [oneOf(1, [41]), oneOf(2, [20, 27, 42, 46])], gives: 'ENODEV' },
  ],
  otherwise: 'allow',
};

export const unixPairs: Disposition = {
  rules: [{ when: [oneOf(0, [UNIX])], gives: 'allow' }],
  otherwise: 'EAFNOSUPPORT',
};

/** asm-generic/ioctls.h: TIOCSTI types into a terminal, TIOCLINUX pastes into a console, TIOCSETD loads a line discipline. */
export const ioctlWithoutTyping: Disposition = {
  rules: [{ when: [oneOf(1, [0x5412, 0x541c, 0x5423])], gives: 'EPERM' }],
  otherwise: 'allow',
};

/** A program may confine itself further, but not with a listener: the newest one would answer in place of ours.
 *  SECCOMP_FILTER_FLAG_NEW_LISTENER (linux/seccomp.h). prctl(PR_SET_SECCOMP) has no flags and so no listener. */
export const seccompWithoutListener: Disposition = {
  rules: [{ when: [anyBit(1, 1 << 3)], gives: 'EPERM' }],
  otherwise: 'allow',
};

/** PR_SET_MM (linux/prctl.h) changes what /proc shows of a process: its arguments, environment, executable. */
export const prctlWithoutDisguise: Disposition = {
  rules: [{ when: [oneOf(0, [35])], gives: 'EPERM' }],
  otherwise: 'allow',
};

/** 0 is PER_LINUX, 0xffffffff asks. All others weaken the process (READ_IMPLIES_EXEC, ADDR_NO_RANDOMIZE) or are foreign. */
export const ownPersonality: Disposition = {
  rules: [{ when: [oneOf(0, [0, 0xffff_ffff])], gives: 'allow' }],
  otherwise: 'EPERM',
};

/** prlimit(2) on the caller alone: on another process of the same user it would starve a probe or a drill of descriptors. */
export const ownLimits: Disposition = { rules: [{ when: [oneOf(0, [0])], gives: 'allow' }], otherwise: 'EPERM' };
