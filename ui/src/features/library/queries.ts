import { queryOptions } from "@tanstack/react-query";
import type { AssetKind } from "../../core/assets.js";
import type { Artifact } from "../../core/values.js";
import { api, ask, queries } from "../../data/host.js";

/** The assets with their newest version each; of every kind without one. */
export const assets = (kind: AssetKind | undefined, q: string) =>
  queryOptions({ queryKey: ["assets", "list", kind, q], queryFn: () => ask(api.GET("/api/v1/assets", { params: { query: { ...(kind ? { kind } : {}), ...(q ? { q } : {}) } } })) });

export const asset = (kind: AssetKind, name: string) => queryOptions({ queryKey: ["assets", kind, name], queryFn: () => ask(api.GET("/api/v1/assets/{kind}/{name}", { params: { path: { kind, name } } })) });

export const pipelines = queryOptions({ queryKey: ["pipelines"], queryFn: () => ask(api.GET("/api/v1/pipelines")) });
export const pipeline = (name: string) => queryOptions({ queryKey: ["pipelines", name], queryFn: () => ask(api.GET("/api/v1/pipelines/{name}", { params: { path: { name } } })) });

/** changed has every list of assets asked for anew. */
export const changed = (): Promise<void> => queries.invalidateQueries({ queryKey: ["assets"] });


export const sent = (a: Artifact) => ({ $artifact: a.digest, media_type: a.mediaType, size: a.size, name: a.name });
