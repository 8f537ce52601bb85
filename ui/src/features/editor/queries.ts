import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, ask } from "../../data/host.js";

const fetchSource = (name: string) => ask(api.GET("/api/v1/pipelines/{name}/source", { params: { path: { name } } }));

/** A pipeline's file as it is saved. */
export const sourceOf = (name: string) => queryOptions({ queryKey: ["source", name], refetchInterval: 15_000, queryFn: () => fetchSource(name) });

/** What a text declares that is to be a pipeline's file. */
export const checked = (name: string, text: string) =>
  queryOptions({
    queryKey: ["check", name, text],
    enabled: text.trim() !== "",
    gcTime: 5000,
    placeholderData: keepPreviousData,
    queryFn: () => ask(api.POST("/api/v1/pipelines/check", { body: { saved: name, text } })),
  });

/** save saves a text as a pipeline's file whose version is this one; an empty version: there is no file yet. */
export const save = (name: string, text: string, version: string) => ask(api.PUT("/api/v1/pipelines/{name}/source", { params: { path: { name } }, body: { text, ...(version === "" ? {} : { version }) } }));

export const format = (text: string) => ask(api.POST("/api/v1/pipelines/format", { body: { text } }));

export const remove = (name: string, version: string) => ask(api.DELETE("/api/v1/pipelines/{name}/source", { params: { path: { name }, query: { version } } }));
