/** Names that tools on the host obey. In a folder that the operator shares with an agent each is read-only inside, and one that
 *  does not exist yet is held by an empty, read-only folder, so that the agent cannot make it (CVE-2026-25725 was a guard that
 *  covered only names that existed). Folders above a masked name are pinned, so that they cannot be renamed away. */
export const MASKED: readonly string[] = [
  '.bash_profile',
  '.bashrc',
  '.claude',
  '.codex',
  '.cursor',
  '.devcontainer',
  '.direnv',
  '.env',
  '.envrc',
  '.gemini',
  '.git/config',
  '.git/hooks',
  '.gitattributes',
  '.gitconfig',
  '.githooks',
  '.gitmodules',
  '.husky',
  '.idea',
  '.mcp.json',
  '.mise.toml',
  '.npmrc',
  '.pnpmfile.cjs',
  '.profile',
  '.tool-versions',
  '.vscode',
  '.yarnrc',
  '.yarnrc.yml',
  '.zprofile',
  '.zshenv',
  '.zshrc',
];

/** What stands at a masked name on the host: `held` is an empty folder that we put there. */
export interface Mask {
  readonly name: string;
  readonly is: 'file' | 'folder' | 'held';
}

/** The folders above masked names, shortest first: each is bound onto itself, because a mount point cannot be renamed.
 *  A `.git` that does not exist is masked whole: what would hold `.git/hooks` is then the mask itself. */
export function pinnedFolders(masks: readonly Mask[]): string[] {
  const folders = new Set<string>();
  for (const mask of masks) {
    const parts = mask.name.split('/');
    for (let i = 1; i < parts.length; i++) folders.add(parts.slice(0, i).join('/'));
  }
  return [...folders].sort();
}
