// What a person has filled in and not sent: it outlives a reload, in this tab.
import { useEffect, useState, type Dispatch, type SetStateAction } from "react";
import { emptyDraft, type Draft, type Variable } from "../core/launch.js";

/** useDraft keeps a form's values under a name. Those of sensitive variables stay in memory only. */
export function useDraft(name: string, variables: readonly Variable[]): [Draft, Dispatch<SetStateAction<Draft>>] {
  const key = `draft ${name}`;
  const [draft, setDraft] = useState<Draft>(() => read(sessionStorage.getItem(key)));
  useEffect(() => {
    const secret = new Set(variables.filter((v) => v.sensitive).map((v) => v.name));
    sessionStorage.setItem(key, JSON.stringify({ ...draft, text: Object.fromEntries(Object.entries(draft.text).filter(([of]) => !secret.has(of))) }));
  }, [key, draft, variables]);
  return [draft, setDraft];
}

/** read takes what another version of this page may have written. */
function read(text: string | null): Draft {
  try {
    const { text: texts, files } = JSON.parse(text ?? "") as Partial<Draft>;
    return { text: { ...texts }, files: Object.fromEntries(Object.entries(files ?? {}).filter(([, list]) => Array.isArray(list))) };
  } catch {
    return emptyDraft;
  }
}
