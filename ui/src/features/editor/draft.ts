// Text that is not saved, kept by the browser's tab: a reload or a session that ends does not lose it.

export interface Draft {
  text: string;
  /** What it began as. */
  base: { text: string; version: string };
}

const key = (name: string): string => `text of ${name}`;

/** keptText gives a pipeline's text that was not saved; undefined: there is none. */
export function keptText(name: string): Draft | undefined {
  const kept = sessionStorage.getItem(key(name));
  return kept === null ? undefined : (JSON.parse(kept) as Draft);
}

/** keepText keeps a text; undefined: it forgets what is kept. What is too large for the browser is not kept. */
export function keepText(name: string, draft: Draft | undefined): void {
  try {
    if (draft === undefined) sessionStorage.removeItem(key(name));
    else sessionStorage.setItem(key(name), JSON.stringify(draft));
  } catch {
    sessionStorage.removeItem(key(name));
  }
}
