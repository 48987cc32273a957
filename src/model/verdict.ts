/** A verdict is a value and carries its terms; after it, nobody asks policy again. */
export type Verdict =
  | { readonly kind: 'allow'; readonly rule: string }
  | { readonly kind: 'ask'; readonly rule: string; readonly why: string }
  | { readonly kind: 'deny'; readonly why: string };
