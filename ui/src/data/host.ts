// What pages ask the host: the generated client, problems as errors, and the queries that several features share.
import { QueryClient, queryOptions, useQuery } from "@tanstack/react-query";
import { connect, type Problem } from "../api/client.js";
import { exact } from "../core/exact.js";
import { browserLink } from "../core/link.js";
import { t } from "../strings.js";

/** ProblemError is what the host says went wrong; a status of 0: it did not answer. */
export class ProblemError extends Error {
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(problem.detail ?? problem.title);
    this.problem = problem;
  }
}

export const api = connect();
api.use({
  async onResponse({ response }) {
    if (!response.headers.get("Content-Type")?.includes("json")) return undefined;
    const text = await response.clone().text();
    const kept = exact(text);
    return kept === text ? undefined : new Response(kept, { status: response.status, statusText: response.statusText, headers: response.headers });
  },
});
export const link = browserLink();

/** ask gives what the host answers, or throws a ProblemError. Every call of api goes through it. */
export async function ask<T>(call: Promise<{ data?: T; error?: Problem; response: Response }>): Promise<T> {
  const { data, error, response } = await call.catch(() => {
    throw new ProblemError({ type: "about:blank", title: t.problem.away, status: 0, code: "unavailable", fix: t.problem.awayFix });
  });
  if (response.status === 401) queries.setQueryData(me.queryKey, null);
  if (error !== undefined || !response.ok) {
    const told = typeof error === "object" && "title" in error;
    throw new ProblemError(told ? error : { type: "about:blank", title: t.problem.odd(response.status), status: response.status, code: "internal" });
  }
  return data as T;
}

/** retry once more what may have been the network; what the host refuses stays refused. */
const retry = (failures: number, error: Error): boolean => failures < 2 && error instanceof ProblemError && (error.problem.status === 0 || error.problem.status >= 502);

export const queries = new QueryClient({ defaultOptions: { queries: { retry, staleTime: 2000 }, mutations: { retry: false } } });

/** Who asks; null: nobody yet, and the host wants to know. */
export const me = queryOptions({
  queryKey: ["me"],
  staleTime: 60_000,
  queryFn: async () => {
    try {
      return await ask(api.GET("/api/v1/me"));
    } catch (e) {
      if (e instanceof ProblemError && e.problem.status === 401) return null;
      throw e;
    }
  },
});

const roles = ["viewer", "operator", "admin", "owner"];

/** useMay says whether who asks has a role, or one that may more. What they may not do is not offered. */
export function useMay(role: "operator" | "admin"): boolean {
  const who = useQuery(me).data;
  return who != null && roles.indexOf(who.role) >= roles.indexOf(role);
}

export const gates = queryOptions({ queryKey: ["gates"], queryFn: () => ask(api.GET("/api/v1/gates", { params: { query: { limit: 20 } } })) });
export const devices = queryOptions({ queryKey: ["devices"], refetchInterval: 5000, queryFn: () => ask(api.GET("/api/v1/devices")) });
export const agents = queryOptions({ queryKey: ["agents"], refetchInterval: 5000, queryFn: () => ask(api.GET("/api/v1/agents")) });
export const queue = queryOptions({ queryKey: ["queue"], queryFn: () => ask(api.GET("/api/v1/queue", { params: { query: { limit: 5 } } })) });

/** The newest runs in a state; all states when it is empty. */
export const runs = (state = "", limit = 20) => queryOptions({ queryKey: ["runs", state, limit], queryFn: () => ask(api.GET("/api/v1/runs", { params: { query: { limit, ...(state ? { state: [state] } : {}) } } })) });
export const run = (id: string) => queryOptions({ queryKey: ["run", id], staleTime: 60_000, queryFn: () => ask(api.GET("/api/v1/runs/{id}", { params: { path: { id } } })) });

export const pipelines = queryOptions({ queryKey: ["pipelines"], queryFn: () => ask(api.GET("/api/v1/pipelines")) });
export const pipeline = (name: string) => queryOptions({ queryKey: ["pipelines", name], queryFn: () => ask(api.GET("/api/v1/pipelines/{name}", { params: { path: { name } } })) });

/** The newest runs of a pipeline. */
export const runsOf = (name: string, limit: number) => queryOptions({ queryKey: ["runs", "of", name, limit], queryFn: () => ask(api.GET("/api/v1/runs", { params: { query: { pipeline: name, limit } } })) });
