import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import type { Schemas } from "../../api/client.js";
import { api, ask, queries, useMay } from "../../data/host.js";
import { Button } from "../../kit/button.js";
import { Dialog } from "../../kit/dialog.js";
import { Input, Select } from "../../kit/field.js";
import { toast, toastProblem } from "../../kit/toast.js";
import { t } from "../../strings.js";

/** Orders is what an admin may tell an agent: to take no more tasks, to take them again, to be forgotten. */
export function Orders({ agent: a }: { agent: Schemas["Agent"] }) {
  const [asks, setAsks] = useState<"drain" | "remove">();
  const path = { params: { path: { name: a.id } } };
  const done = (text: string): Promise<void> => {
    setAsks(undefined);
    toast(text);
    return queries.invalidateQueries({ queryKey: ["agents"] });
  };
  const order = useMutation({
    mutationFn: (body: Schemas["AgentOrder"]) => ask(api.POST("/api/v1/agents/{name}", { ...path, body })),
    onSuccess: (_, o) => done(o.resume ? t.machines.resumed(a.name) : t.machines.drained(a.name)),
    onError: toastProblem,
  });
  const remove = useMutation({ mutationFn: () => ask(api.DELETE("/api/v1/agents/{name}", path)), onSuccess: () => done(t.machines.removed(a.name)), onError: toastProblem });
  const close = (): void => setAsks(undefined);
  if (!useMay("admin") || a.state === "incompatible") return null;
  return (
    <div className="flex flex-wrap gap-2">
      {a.state === "offline" && <Button onClick={() => setAsks("remove")}>{t.machines.remove}</Button>}
      {a.state === "ready" && <Button onClick={() => setAsks("drain")}>{t.machines.drain}</Button>}
      {(a.state === "draining" || a.state === "cordoned") && (
        <Button look="fill" busy={order.isPending} onClick={() => order.mutate({ resume: true })}>
          {t.machines.resume}
        </Button>
      )}
      <Dialog open={asks === "drain"} onClose={close} title={t.machines.drainTitle(a.name)}>
        <form
          className="grid gap-4"
          onSubmit={(e) => {
            e.preventDefault();
            const form = new FormData(e.currentTarget);
            const grace = String(form.get("grace"));
            const reason = String(form.get("why") ?? "").trim();
            order.mutate({ ...(grace === "" ? { cordon: true } : { drain: true, grace: Number(grace) }), ...(reason === "" ? {} : { reason }) });
          }}
        >
          <p className="text-muted">{t.machines.drainText}</p>
          <Select label={t.machines.grace} name="grace" defaultValue="600">
            {t.machines.graces.map(([value, title]) => (
              <option key={value} value={value}>
                {title}
              </option>
            ))}
          </Select>
          <Input label={t.machines.reason} name="why" maxLength={200} placeholder={t.machines.reasonLike} />
          <div className="flex justify-end gap-2">
            <Button onClick={close}>{t.machines.leave}</Button>
            <Button type="submit" look="fill" busy={order.isPending}>
              {t.machines.drain}
            </Button>
          </div>
        </form>
      </Dialog>
      <Dialog
        open={asks === "remove"}
        onClose={close}
        title={t.machines.removeTitle(a.name)}
        actions={
          <>
            <Button onClick={close}>{t.machines.keep}</Button>
            <Button look="danger" busy={remove.isPending} onClick={() => remove.mutate()}>
              {t.machines.remove}
            </Button>
          </>
        }
      >
        <p>{t.machines.removeText}</p>
      </Dialog>
    </div>
  );
}
