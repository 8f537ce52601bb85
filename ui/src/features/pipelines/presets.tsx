import { useMutation, useQuery } from "@tanstack/react-query";
import { ago } from "../../core/format.js";
import { queries, run as runQuery, runsOf } from "../../data/host.js";
import { useNow } from "../../data/live.js";
import { Select } from "../../kit/field.js";
import { toastProblem } from "../../kit/toast.js";
import { t } from "../../strings.js";

/** Presets are the values of earlier runs, to be taken again. */
export function Presets({ name, onTake }: { name: string; onTake: (inputs: Record<string, unknown>) => void }) {
  const earlier = useQuery(runsOf(name, 10)).data?.runs ?? [];
  const take = useMutation({ mutationFn: (id: string) => queries.fetchQuery(runQuery(id)), onSuccess: (run) => onTake(run.inputs ?? {}), onError: toastProblem });
  const now = useNow(earlier.length > 0, 30_000);
  if (earlier.length === 0) return null;
  return (
    <Select label={t.launch.presets} value="" disabled={take.isPending} onChange={(e) => take.mutate(e.currentTarget.value)}>
      <option value="">{t.launch.presetsNone}</option>
      {earlier.map((r) => (
        <option key={r.id} value={r.id}>
          {t.launch.preset(ago(r.created, now), t.state[r.state] ?? r.state)}
        </option>
      ))}
    </Select>
  );
}
