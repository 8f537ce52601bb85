import { queryOptions, useMutation, useQuery } from "@tanstack/react-query";
import type { Schemas } from "../../api/client.js";
import { without } from "../../core/models.js";
import { agents, api, ask, queries } from "../../data/host.js";
import { toast, toastProblem } from "../../kit/toast.js";
import { t } from "../../strings.js";

/** All model files; asked for more often while one is on its way. */
export const models = queryOptions({
  queryKey: ["models"],
  refetchInterval: (q) => (q.state.data?.fetching.some((f) => !f.error) ? 1000 : 10_000),
  queryFn: () => ask(api.GET("/api/v1/models")),
});

const local = "local";

/** nameOf a machine, as people call it. */
export const nameOf = (x: { agent: string; name: string }): string => (x.agent === local ? t.home.devices.host : x.name);

/** usePlaces gives the machines that model files can be brought to, the host's own first. */
export function usePlaces(): { agent: string; name: string }[] {
  const silent = useQuery(models).data?.silent ?? [];
  const others = useQuery(agents).data?.agents ?? [];
  return [
    ...(silent.includes("this machine") ? [] : [{ agent: local, name: local }]),
    ...others.filter((a) => a.state !== "offline" && a.state !== "incompatible" && !silent.includes(a.name)).map((a) => ({ agent: a.id, name: a.name })),
  ];
}

/** useFetch has a machine fetch a model file. */
export function useFetch(then?: () => void) {
  return useMutation({
    mutationFn: (body: Schemas["ModelRequest"]) => ask(api.POST("/api/v1/models/fetch", { body })),
    onSuccess: (f) => {
      then?.();
      toast(f.done > 0 && f.done === f.total ? t.models.there(f.model, nameOf(f)) : t.models.begun(f.model, nameOf(f)));
      return queries.invalidateQueries({ queryKey: models.queryKey });
    },
    onError: toastProblem,
  });
}

/** useRemove has a machine delete a model file, which is out of the list at once. */
export function useRemove(then: () => void) {
  return useMutation({
    mutationFn: (body: Schemas["ModelRemoval"]) => ask(api.POST("/api/v1/models/remove", { body })),
    onSuccess: (was, { model }) => {
      then();
      toast(t.models.removed(model, nameOf(was)));
      queries.setQueryData(models.queryKey, (l) => l && { ...l, models: without(l.models, model, was.agent) });
    },
    onError: toastProblem,
  });
}
