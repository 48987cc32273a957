/** A line of the gate's journal. */
export interface Line {
  /** Higher than that of any line before. */
  readonly n: number;
  /** RFC 3339. */
  readonly at: string;
  readonly event: string;
  readonly agent?: string;
  readonly argv?: readonly string[];
  readonly environment?: readonly string[];
}

/** What stands between two line breaks. Without `line` it is damaged: a disk that was full or failed leaves such. */
export interface Piece {
  readonly bytes: Buffer;
  readonly line?: Line;
}

/** Whole lines only: the last may be just being written. */
export function piecesOf(bytes: Buffer): Piece[] {
  const pieces: Piece[] = [];
  for (let from = 0; ; ) {
    const end = bytes.indexOf(10, from);
    if (end < 0) return pieces;
    if (end > from) pieces.push(pieceOf(bytes.subarray(from, end)));
    from = end + 1;
  }
}

function pieceOf(bytes: Buffer): Piece {
  try {
    const line = JSON.parse(bytes.toString('utf8'));
    if (Number.isSafeInteger(line.n) && typeof line.at === 'string' && typeof line.event === 'string')
      return { bytes, line };
  } catch {
    // as below
  }
  return { bytes };
}
