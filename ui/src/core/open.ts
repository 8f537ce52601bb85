/** What a file that somebody brings may be, as its name and media type say. */
export type Brought = "pipeline" | "workflow" | "media" | "archive" | "file";

/** broughtAs guesses it: a pipeline, a ComfyUI workflow, a picture or film that may have one in it, an archive, or any other file. */
export function broughtAs(name: string, mediaType: string): Brought {
  const lower = name.toLowerCase();
  if (lower.endsWith(".hcl")) return "pipeline";
  if (lower.endsWith(".json") || mediaType === "application/json") return "workflow";
  if (/\.(tar|tgz|tar\.\w+|zip|spinbot)$/.test(lower) || /^application\/(zip|x-tar|gzip|zstd)$/.test(mediaType)) return "archive";
  return /^(image\/(png|webp)|video\/(mp4|quicktime))$/.test(mediaType) ? "media" : "file";
}
