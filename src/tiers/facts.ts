import type { WantedAgent } from '../model/fleet.ts';
import type { Mask } from './masks.ts';
import type { IdPair } from './orders.ts';
import type { FoundProgram } from './programs.ts';

/** What the host says, gathered before a compartment is described (src/host/view/compartment-facts.ts). All paths are absolute. */
export interface CompartmentFacts {
  readonly agent: WantedAgent;
  readonly uid: number;
  readonly gid: number;
  /** Groups of sharing relations. */
  readonly groups: readonly number[];
  readonly hostname: string;
  /** An existing folder, reachable by everybody, over which the launcher mounts its stage. */
  readonly stage: string;
  readonly home: string;
  readonly workspace: HostFolder;
  /** The folder shown as /knowledge: root's, with a mount point for each folder entry and a link to each file entry. A mount over a
   *  single file would go on showing the old one when somebody replaces it by rename, and cannot be taken off again. */
  readonly knowledgeFolder: string;
  readonly knowledge: readonly Knowledge[];
  readonly programs: readonly FoundProgram[];
  /** Those of the view and the exec sets that exist here. */
  readonly libraries: readonly string[];
  readonly data: readonly string[];
  readonly files: readonly string[];
  readonly trees: readonly string[];
  readonly devices: readonly string[];
  /** Programs inside the library trees that are not allowed: covered. */
  readonly covered: readonly string[];
  /** Where /etc/localtime leads, if it is a link. */
  readonly localtime?: string;
  readonly cgroupProcs: readonly string[];
  readonly network: NetworkPlace;
  readonly filter: string;
  /** Set where programs may be asked for (docs/design/009-exec-gate.md). Absent: what is not allowed does not exist. */
  readonly gate?: GateFacts;
  /** What each of the agent's elevated commands leads to on the host, in their order; absent: none. */
  readonly elevated?: readonly ElevatedProgram[];
  /** Set where secrets are used: files on the host with the fleet's authority, and with all that is trusted. */
  readonly trust?: { readonly authority: string; readonly bundle: string; readonly over: readonly string[] };
  /** Set where there are SSH keys: the folder on the host in which the gateway's signer is. */
  readonly sshFolder?: string;
  readonly bwrap: string;
  readonly anchor: string;
}

/** A program that runs outside for an agent, as it was when its policy came into force. */
export interface ElevatedProgram {
  readonly file: string;
  /** SHA-256 in hexadecimal. */
  readonly digest: string;
}

export interface BehindStub {
  readonly name: string;
  /** On the host, without links. */
  readonly file: string;
}

export interface GateFacts {
  /** The filter's bytes, with which every exec is a question. */
  readonly filter: string;
  /** The stub's bytes. */
  readonly stub: string;
  /** The folder with the copies that are put in place of a stub. */
  readonly pins: string;
  /** Names that a stub stands under, by program folder. */
  readonly stubs: readonly { readonly folder: string; readonly names: readonly string[] }[];
  /** Files that are there and have a stub over them, because what they are asked to do decides. */
  readonly over: readonly string[];
  /** What each stub stands for, by its path inside. */
  readonly behind: Readonly<Record<string, BehindStub>>;
  /** Names and files that `exec.deny` takes away. */
  readonly denied: readonly string[];
}

/** The host's own file system, as far as an agent of tier `user` sees it. */
export interface SystemView {
  /** Folders at the top, and file systems mounted below those of the system, each before what is in it. */
  readonly folders: readonly string[];
  /** Links at the top, such as /bin. */
  readonly links: readonly { readonly at: string; readonly to: string }[];
  /** Folders in there that hold shared libraries: they must be mappable as code. */
  readonly libraries: readonly string[];
  /** Program folders (src/tiers/view.ts) that are in there. */
  readonly programFolders: readonly string[];
  /** The dynamic loaders that the kernel opens for a program, without links. */
  readonly loaders: readonly string[];
  /** Folders in there that are covered by an empty one: the product's own, and places of running programs. */
  readonly closed: readonly string[];
  readonly hostname: string;
  /** /var/tmp is there, and becomes the agent's own. */
  readonly varTmp: boolean;
}

/** Which network its processes are in. Tiers differ in it first of all, so it also says who makes what. */
export type NetworkPlace =
  /** A network namespace that root made beforehand, bound to this path. */
  | { readonly in: 'namespace'; readonly path: string }
  /** Without root: one that the launcher makes with the compartment. */
  | { readonly in: 'own' }
  /** Tier `user`: the host's, and with it the host's process and user namespaces and its file system. */
  | {
      readonly in: 'host';
      readonly system: SystemView;
      /** The cgroup.kill file: there is no process namespace whose end would end everything. */
      readonly kill: string;
    };

export interface Knowledge {
  readonly name: string;
  readonly path: string;
  readonly is: 'file' | 'folder';
  /** Whose it was when it was looked at. */
  readonly uid: number;
  /** Set for a folder that others may not read: its owner appears as the agent. */
  readonly owner?: Owner;
}

export interface Owner {
  readonly uids: IdPair;
  readonly gids: IdPair;
}

export interface HostFolder {
  readonly path: string;
  /** Set for a folder of the operator's: its owner appears as the agent. */
  readonly owner?: Owner;
  readonly masks: readonly Mask[];
}
