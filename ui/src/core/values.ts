// What runs take and give: values, and references to files.

/** A file that a run took or made, by its digest. */
export interface Artifact {
  digest: string;
  mediaType: string;
  size: number;
  name: string;
}

/** asArtifact reads a reference as the API writes it; undefined: it is some other value. */
export function asArtifact(value: unknown): Artifact | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { $artifact: digest, media_type: mediaType, size, name } = value as Record<string, unknown>;
  if (typeof digest !== "string") return undefined;
  return {
    digest,
    mediaType: typeof mediaType === "string" ? mediaType : "application/octet-stream",
    size: typeof size === "number" ? size : 0,
    name: typeof name === "string" && name !== "" ? name : digest.slice(0, 19),
  };
}

/** isSealed says whether a value is a secret, of which nobody is shown more than that it is one. */
export const isSealed = (value: unknown): boolean => typeof value === "object" && value !== null && "$sealed" in value;

/** written is a value as text: texts as they are, the rest as JSON in which files have their names and secrets are dots. */
export function written(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value, (_, inner: unknown) => (isSealed(inner) ? "•••" : (asArtifact(inner)?.name ?? inner)), 2) ?? "");
}

/** artifactsIn gives every file in a value, each once, in the order in which they stand there. */
export function artifactsIn(value: unknown, found = new Map<string, Artifact>()): Artifact[] {
  const artifact = asArtifact(value);
  if (artifact !== undefined) found.set(artifact.digest, artifact);
  else if (typeof value === "object" && value !== null) for (const inner of Object.values(value)) artifactsIn(inner, found);
  return [...found.values()];
}

/** How a file can be looked at. */
export type MediaKind = "video" | "image" | "audio" | "file";

export function mediaKind(mediaType: string): MediaKind {
  const kind = mediaType.split("/")[0];
  return kind === "video" || kind === "audio" ? kind : kind === "image" && mediaType !== "image/svg+xml" ? "image" : "file";
}

/** Where the host has a file, and a small picture of it. */
export const artifactURL = (a: Artifact): string => `/api/v1/artifacts/${a.digest}?name=${encodeURIComponent(a.name)}`;
export const thumbnailURL = (a: Artifact, width: number): string => `/api/v1/artifacts/${a.digest}/thumbnail?width=${width}`;
/** Where the host has a picture of how loud a sound is over its time. */
export const waveformURL = (a: Artifact): string => `/api/v1/artifacts/${a.digest}/waveform?format=png`;

const best = ["video", "image", "audio", "file"];

/** resultsOf gives the files in a run's outputs, what shows best first: films, then pictures, then sounds. */
export function resultsOf(outputs: unknown): Artifact[] {
  const rank = (a: Artifact): number => best.indexOf(mediaKind(a.mediaType));
  return artifactsIn(outputs ?? {}).sort((a, b) => rank(a) - rank(b));
}
