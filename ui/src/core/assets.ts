// The library: what a form says of an asset, and what it leaves to be guessed.
import type { Schemas } from "../api/client.js";

export type Asset = Schemas["Asset"];
export type AssetVersion = Schemas["AssetVersion"];
export type AssetKind = Asset["kind"];
export type Commercial = NonNullable<Schemas["AssetLicence"]["commercial"]>;

export const kinds: readonly AssetKind[] = ["voice", "face", "lora", "style", "prompt"];

/** A voice or a face is somebody's. */
export const needsConsent = (kind: AssetKind): boolean => kind === "voice" || kind === "face";

/** What is said of a version, as it is typed. */
export interface Said {
  note: string;
  licence: string;
  commercial: Commercial;
  by: string;
  on: string;
  for: string;
}

/** saidOf is what stands in the form for a version; of none, what it begins with. Consent to one version is not consent to the next. */
export const saidOf = (v: AssetVersion | undefined, today: string): Said => ({
  note: v?.note ?? "",
  licence: v?.licence.id ?? "",
  commercial: v?.licence.commercial ?? "unknown",
  by: v?.consent?.by ?? "",
  on: v?.consent?.on ?? today,
  for: v?.consent?.for ?? "",
});

/** consentOf is the consent that was typed; "part": half of it. */
export function consentOf(said: Said): Schemas["AssetConsent"] | "part" | undefined {
  const by = said.by.trim();
  const what = said.for.trim();
  if (by === "" && what === "") return undefined;
  return by === "" || what === "" || said.on === "" ? "part" : { by, on: said.on, for: what };
}

/** The kind that a file most likely is. */
export function kindOf(file: { name: string; mediaType: string }): AssetKind {
  if (file.mediaType.startsWith("audio/")) return "voice";
  if (file.mediaType.startsWith("image/")) return "face";
  return /\.(safetensors|gguf|pt|ckpt)$/i.test(file.name) ? "lora" : "prompt";
}

/** A name that an asset may have, made of a file's. */
export const slug = (file: string): string =>
  file
    .replace(/\.[^.]*$/, "")
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+/, "")
    .slice(0, 64)
    .replace(/-+$/, "");

/** Whether an asset may be called so. */
export const isName = (name: string): boolean => /^[a-z0-9][a-z0-9_-]{0,63}$/.test(name);

/** How a pipeline names it: the newest version, or one. */
export const reference = (a: Pick<Asset, "kind" | "name">, version?: number): string => `asset("${a.kind}/${a.name}${version === undefined ? "" : `@${version}`}")`;
