import { queryOptions } from "@tanstack/react-query";
import { api, ask } from "../../data/host.js";

export const pipelines = queryOptions({ queryKey: ["pipelines"], queryFn: () => ask(api.GET("/api/v1/pipelines")) });
export const pipeline = (name: string) => queryOptions({ queryKey: ["pipelines", name], queryFn: () => ask(api.GET("/api/v1/pipelines/{name}", { params: { path: { name } } })) });
export const triggers = queryOptions({ queryKey: ["triggers"], queryFn: () => ask(api.GET("/api/v1/triggers")) });

/** The newest runs of a pipeline. */
export const runsOf = (name: string, limit: number) => queryOptions({ queryKey: ["runs", "of", name, limit], queryFn: () => ask(api.GET("/api/v1/runs", { params: { query: { pipeline: name, limit } } })) });
