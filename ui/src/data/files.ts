// What the host says of one file, and what is in it.
import { queryOptions, skipToken, useQuery } from "@tanstack/react-query";
import { artifactURL, type Artifact } from "../core/values.js";
import { api, ask } from "./host.js";

export const info = (digest: string) => queryOptions({ queryKey: ["artifact", digest], staleTime: Infinity, queryFn: () => ask(api.GET("/api/v1/artifacts/{digest}/info", { params: { path: { digest } } })) });

/** What a file was made of, and what was made of it: one step each way. */
export const lineage = (digest: string) =>
  queryOptions({ queryKey: ["lineage", digest], queryFn: () => ask(api.GET("/api/v1/artifacts/{digest}/lineage", { params: { path: { digest }, query: { depth: 1 } } })) });

const mostText = 64 << 10;

/** Some bytes of a file. */
export async function part(a: Artifact, from: number, to: number): Promise<ArrayBuffer> {
  const answer = await fetch(artifactURL(a), { headers: { Range: `bytes=${from}-${to - 1}` } });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.arrayBuffer();
}

/** The beginning of a text, and whether there is more. */
export const text = (a: Artifact) =>
  queryOptions({
    queryKey: ["text", a.digest],
    staleTime: Infinity,
    queryFn: async () => ({ text: a.size === 0 ? "" : new TextDecoder().decode(await part(a, 0, Math.min(a.size, mostText))), more: a.size > mostText }),
  });

/** Whether a file is a text that is read. */
export const isText = (mediaType: string): boolean => /^(text\/|application\/(json|x-subrip|x-ndjson|yaml|xml)\b)/.test(mediaType);

const firstWords = 600; // bytes

/** How a text begins; undefined while it is not known, and of other files. */
export function useBeginning(a: Artifact | undefined): string | undefined {
  const asked = a !== undefined && a.size > 0 && isText(a.mediaType);
  return useQuery({
    queryKey: ["beginning", a?.digest],
    staleTime: Infinity,
    queryFn: asked ? async () => new TextDecoder().decode(await part(a, 0, Math.min(a.size, firstWords)), { stream: true }) : skipToken, // a character that was cut is left out
  }).data;
}
