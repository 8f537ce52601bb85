import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import type { Schemas } from "../../api/client.js";
import { headLength, readTensors } from "../../core/safetensors.js";
import type { Artifact } from "../../core/values.js";
import { part } from "../../data/files.js";
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
