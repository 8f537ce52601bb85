// What a person gives a pipeline before it runs: text as it is typed, and files that the host has already.
import type { Problem, Schemas } from "../api/client.js";
import { asArtifact, type Artifact } from "./values.js";

export type Variable = Schemas["Variable"];

/** What was given so far, by variable. A variable that is in neither gets its default. */
export interface Draft {
  text: Record<string, string>;
  files: Record<string, Artifact[]>;
}

export const emptyDraft: Draft = { text: {}, files: {} };

/** holds says how many files a variable takes; undefined: it takes none. */
export function holds(v: Pick<Variable, "type">): "one" | "many" | undefined {
  const type = v.type.replace(/\s/g, "");
  return type === "artifact" ? "one" : type === "list(artifact)" ? "many" : undefined;
}

/** submission is what the host is asked to plan or run. An empty text counts as none, and so does a list without files. */
export function submission(saved: string, draft: Draft, variables: readonly Variable[]): Schemas["Submission"] {
  const text = Object.fromEntries(Object.entries(draft.text).filter(([, value]) => value !== ""));
  const inputs = Object.fromEntries(
    variables.flatMap((v): [string, unknown][] => {
      const files = (draft.files[v.name] ?? []).map((a) => ({ $artifact: a.digest, media_type: a.mediaType, size: a.size, name: a.name }));
      return files.length === 0 ? [] : [[v.name, holds(v) === "many" ? files : files[0]]];
    }),
  );
  return { pipeline: { saved }, text, inputs };
}

/** filled says whether something was given for a variable. */
export const filled = (draft: Draft, { name }: Variable): boolean => (draft.files[name] ?? []).length > 0 || (draft.text[name] ?? "").trim() !== "";

/** draftOf takes the values of an earlier run, of the variables that there still are. Secrets are not taken. */
export function draftOf(inputs: Record<string, unknown>, variables: readonly Variable[]): Draft {
  const draft: Draft = { text: {}, files: {} };
  for (const v of variables) {
    const value = inputs[v.name];
    if (value === undefined || value === null || v.sensitive) continue;
    if (holds(v) !== undefined) {
      const files = (Array.isArray(value) ? value : [value]).flatMap((one) => asArtifact(one) ?? []);
      if (files.length > 0) draft.files[v.name] = files;
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

/** takes says whether a file's media type is among those that a variable accepts. */
export const takes = (v: Pick<Variable, "accept">, type: string): boolean =>
  (v.accept ?? []).length === 0 || (v.accept ?? []).some((kind) => kind === "*/*" || kind === type || (kind.endsWith("/*") && type.startsWith(kind.slice(0, -1))));

/** placeFor is the variable that a file most likely is for: one that names its kind, then one that takes anything. */
export function placeFor(variables: readonly Variable[], type: string): Variable | undefined {
  const fits = variables.filter((v) => holds(v) !== undefined && takes(v, type));
  return fits.find((v) => (v.accept ?? []).length > 0) ?? fits[0];
}

/** refuses says why a variable does not take a file; undefined: it does. Of a file whose kind the browser does not know the host decides. */
export function refuses(v: Pick<Variable, "accept" | "max_size">, file: { type: string; size: number }): "size" | "kind" | undefined {
  if (v.max_size !== undefined && v.max_size > 0 && file.size > v.max_size) return "size";
  return file.type !== "" && !takes(v, file.type) ? "kind" : undefined;
}
