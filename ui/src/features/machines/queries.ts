import { queryOptions, useQuery } from "@tanstack/react-query";
import type { Problem, Schemas } from "../../api/client.js";
import { local, machinesOf, merged, type Machine, type Point } from "../../core/machines.js";
import { agents, api, ask, devices, ProblemError, queries } from "../../data/host.js";
import { t } from "../../strings.js";

/** Whether a machine is well, as it says itself; one that is not answers too. */
export const health = (name: string) =>
  queryOptions({
    queryKey: ["health", name],
    refetchInterval: 15_000,
    retry: false,
    queryFn: async () => {
      const asked = await api.GET("/api/v1/agents/{name}/health", { params: { path: { name } } });
      const { error } = asked;
      if (error !== undefined && "checks" in error) return error; // it answers, and says what fails
      return ask<Schemas["Health"]>(Promise.resolve(asked as { data?: Schemas["Health"]; error?: Problem; response: Response }));
    },
  });

/** useMachines gives all machines; undefined: not known yet. */
export function useMachines(): { machines: Machine[] | undefined; error: Error | null; notes: string[]; again: () => void } {
  const found = useQuery(devices);
  const others = useQuery(agents);
  const own = useQuery(health(local));
  const contained = !(own.error instanceof ProblemError && own.error.problem.status === 404); // else the host runs with --no-agent
  const known = found.data !== undefined && others.data !== undefined && !own.isPending;
  return {
    machines: known ? machinesOf(others.data.agents, found.data.devices, contained) : undefined,
    error: found.error ?? others.error,
    notes: found.data?.notes ?? [],
    again: () => {
      void found.refetch();
      void others.refetch();
    },
  };
}

/** The past of a device: what came since is added to what is known. One of another machine is asked for less often. */
export const series = (uuid: string, elsewhere: boolean) => {
  const queryKey = ["series", uuid];
  return queryOptions({
    queryKey,
    refetchInterval: elsewhere ? 5000 : 2000,
    retry: false,
    queryFn: async (): Promise<Point[]> => {
      const had = queries.getQueryData<Point[]>(queryKey) ?? [];
      const since = had.at(-1)?.at;
      const more = await ask(api.GET("/api/v1/devices/{uuid}/series", { params: { path: { uuid }, query: since === undefined ? {} : { since } } }));
      return merged(had, more.points);
    },
  });
};

/** nameOf a machine is what people call it. */
export const nameOf = (m: Machine): string => (m.id === local ? t.home.devices.host : m.name);
