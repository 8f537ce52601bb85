import { queryOptions, useQueries, useQuery } from "@tanstack/react-query";
import type { Schemas } from "../../api/client.js";
import { pageSize, pagesOf } from "../../core/gallery.js";
import { headLength, readTensors } from "../../core/safetensors.js";
import type { Artifact } from "../../core/values.js";
import { part } from "../../data/files.js";
import { api, ask } from "../../data/host.js";

/** What files are asked for: kind begins their media type, q stands in their names or, by meaning, says what they are about. */
export interface Asked {
  kind: string;
  q: string;
  meaning: boolean;
}

/** A page of them. The first one says how many there are, and behind which file the others are counted: so what is made meanwhile moves none of them. */
const page = ({ kind, q, meaning }: Asked, at: number, before: string) =>
  queryOptions({
    queryKey: ["artifacts", kind, q, meaning, at, before],
    queryFn: ({ signal }) =>
      ask(api.GET("/api/v1/artifacts", { signal, params: { query: { limit: pageSize, ...(kind ? { media_type: kind } : {}), ...(q === "" ? {} : meaning ? { about: q } : { q }), ...(at === 0 ? { count: true } : { before, skip: (at - 1) * pageSize }) } } })),
    ...(at > 0 ? { gcTime: 30_000 } : {}), // of a hundred thousand files those are kept that were just seen
    ...(meaning ? { retry: false } : {}), // the host has waited for the model long enough
  });

/** useFiles gives the files of runs, the newest first, or those that are most about q first: of any number those that are seen, and those beside the open one. */
export function useFiles(asked: Asked, enabled: boolean, seen: readonly [number, number], open: number | undefined) {
  const first = useQuery({ ...page(asked, 0, ""), enabled });
  const total = first.data?.total ?? 0;
  const pages = pagesOf(seen, open, total).filter((p) => p > 0);
  const rest = useQueries({ queries: pages.map((p) => page(asked, p, first.data?.next ?? "")) });
  const on = (p: number): Schemas["RunArtifact"][] => (p === 0 ? first.data : rest[pages.indexOf(p)]?.data)?.artifacts ?? [];
  const broken = [first, ...rest].find((p) => p.error !== null);
  return {
    total,
    isPending: first.isPending,
    problem: broken?.error ?? null,
    refetch: () => void broken?.refetch(),
    /** at gives the one at a place; undefined: it is not there yet. */
    at: (place: number): Schemas["RunArtifact"] | undefined => on(Math.floor(place / pageSize))[place % pageSize],
    /** find gives the place of a file, if it is among those that are there. */
    find(digest: string): number | undefined {
      for (const p of [0, ...pages]) {
        const i = on(p).findIndex((a) => a.digest === digest);
        if (i >= 0) return p * pageSize + i;
      }
      return undefined;
    },
  };
}

/** Whether files are found by what they are about, and how many of them are; while some are not, it is asked again. */
export const searching = queryOptions({
  queryKey: ["search"],
  queryFn: () => ask(api.GET("/api/v1/search")),
  refetchInterval: ({ state: { data } }) => (data?.on && data.described + data.failed < data.files ? 5000 : false),
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
