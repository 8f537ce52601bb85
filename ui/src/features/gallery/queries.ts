import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import type { Schemas } from "../../api/client.js";
import { headLength, readTensors } from "../../core/safetensors.js";
import { artifactURL, type Artifact } from "../../core/values.js";
import { api, ask } from "../../data/host.js";

/** The files of runs, the newest first; kind begins their media type, q stands in their names. */
export const files = (kind: string, q: string) =>
  infiniteQueryOptions({
    queryKey: ["artifacts", kind, q],
    initialPageParam: "",
    queryFn: ({ pageParam: before }) =>
      ask(api.GET("/api/v1/artifacts", { params: { query: { limit: 60, ...(kind ? { media_type: kind } : {}), ...(q ? { q } : {}), ...(before ? { before } : {}) } } })),
    getNextPageParam: (page) => page.next || undefined,
  });

export const info = (digest: string) => queryOptions({ queryKey: ["artifact", digest], staleTime: Infinity, queryFn: () => ask(api.GET("/api/v1/artifacts/{digest}/info", { params: { path: { digest } } })) });

/** What a file was made of, and what was made of it: one step each way. */
export const lineage = (digest: string) =>
  queryOptions({ queryKey: ["lineage", digest], queryFn: () => ask(api.GET("/api/v1/artifacts/{digest}/lineage", { params: { path: { digest }, query: { depth: 1 } } })) });

const mostText = 64 << 10;

async function part(a: Artifact, from: number, to: number): Promise<ArrayBuffer> {
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

/** What a model file says of itself; null: nothing that can be read. */
export const tensors = (a: Artifact) =>
  queryOptions({
    queryKey: ["tensors", a.digest],
    staleTime: Infinity,
    queryFn: async () => {
      const length = headLength(await part(a, 0, 8));
      return length === undefined ? null : (readTensors(new TextDecoder().decode(await part(a, 8, 8 + length))) ?? null);
    },
  });

export const asFile = (a: Schemas["RunArtifact"]): Artifact => ({ digest: a.digest, mediaType: a.media_type, size: a.size, name: a.name });
