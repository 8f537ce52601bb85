// What a person gives a pipeline before it runs: text as it is typed, and files that the host has already.
import type { Problem, Schemas } from "../api/client.js";
import { asArtifact, type Artifact } from "./values.js";

export type Variable = Schemas["Variable"];

/** What was given so far, by variable. A variable that is in neither gets its default. */
export interface Draft {
  text: Record<string, string>;
  files: Record<string, Artifact>;
}

export const emptyDraft: Draft = { text: {}, files: {} };

/** submission is what the host is asked to plan or run. An empty text counts as none. */
export function submission(saved: string, draft: Draft): Schemas["Submission"] {
  const text = Object.fromEntries(Object.entries(draft.text).filter(([, value]) => value !== ""));
  const inputs = Object.fromEntries(Object.entries(draft.files).map(([name, a]) => [name, { $artifact: a.digest, media_type: a.mediaType, size: a.size, name: a.name }]));
  return { pipeline: { saved }, text, inputs };
}

/** draftOf takes the values of an earlier run, of the variables that there still are. Secrets are not taken. */
export function draftOf(inputs: Record<string, unknown>, variables: readonly Variable[]): Draft {
  const draft: Draft = { text: {}, files: {} };
  for (const v of variables) {
    const value = inputs[v.name];
    if (value === undefined || value === null || v.sensitive) continue;
    const file = asArtifact(value);
    if (v.type === "artifact") {
      if (file !== undefined) draft.files[v.name] = file;
    } else draft.text[v.name] = typeof value === "string" ? value : JSON.stringify(value);
  }
  return draft;
}

/** mistakes are what the host says of each variable, and what it says of none of them. */
export function mistakes(problem: Problem, variables: readonly Variable[]): { of: Record<string, string>; rest: string[] } {
  const of: Record<string, string> = {};
  const rest: string[] = [];
  for (const d of problem.diagnostics ?? []) {
    const [, name = "", what = ""] = /^variable "([^"]+)":? (.*)$/s.exec(d.summary) ?? [];
    if (variables.some((v) => v.name === name)) of[name] ??= what;
    else rest.push(d.summary);
  }
  return { of, rest };
}

/** refuses says why a variable does not take a file; undefined: it does. Of a file whose kind the browser does not know the host decides. */
export function refuses(v: Pick<Variable, "accept" | "max_size">, file: { type: string; size: number }): "size" | "kind" | undefined {
  if (v.max_size !== undefined && v.max_size > 0 && file.size > v.max_size) return "size";
  const fits = (kind: string): boolean => kind === "*/*" || kind === file.type || (kind.endsWith("/*") && file.type.startsWith(kind.slice(0, -1)));
  return file.type !== "" && (v.accept ?? []).length > 0 && !v.accept?.some(fits) ? "kind" : undefined;
}
