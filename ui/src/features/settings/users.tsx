import { useMutation, useQuery } from "@tanstack/react-query";
import { Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import type { Schemas } from "../../api/client.js";
import { api, ask, queries } from "../../data/host.js";
import { Button, IconButton } from "../../kit/button.js";
import { Dialog } from "../../kit/dialog.js";
import { Skeleton } from "../../kit/empty.js";
import { Input, Select } from "../../kit/field.js";
import { Section } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { toast, toastProblem } from "../../kit/toast.js";
import { t } from "../../strings.js";

const key = ["users"];
const again = (): Promise<void> => queries.invalidateQueries({ queryKey: key });
const roles = ["", "viewer", "operator", "admin", "none"];

const options = roles.map((role) => (
  <option key={role} value={role}>
    {t.roles[role]}
  </option>
));

/** Users are people who sign in with a provider, and of whom this host says something. */
export function Users() {
  const list = useQuery({ queryKey: key, queryFn: () => ask(api.GET("/api/v1/users")) });
  const [adding, setAdding] = useState(false);
  const [going, setGoing] = useState<Schemas["User"]>();
  const path = (user: string) => ({ params: { path: { user } } });
  const role = useMutation({
    mutationFn: (x: { user: string; role: string }) => ask(api.PUT("/api/v1/users/{user}/role", { ...path(x.user), body: { role: x.role } })),
    onSuccess: (x) => {
      toast(t.users.changed(x.name, t.roles[x.role ?? ""] ?? ""));
      return again();
    },
    onError: toastProblem,
  });
  const add = useMutation({
    mutationFn: (body: Schemas["NewUser"]) => ask(api.POST("/api/v1/users", { body })),
    onSuccess: () => {
      setAdding(false);
      return again();
    },
  });
  const remove = useMutation({
    mutationFn: (user: string) => ask(api.DELETE("/api/v1/users/{user}", path(user))),
    onSuccess: (x) => {
      setGoing(undefined);
      toast(t.users.removed(x.name));
      return again();
    },
    onError: toastProblem,
  });
  const users = list.data?.users ?? [];
  return (
    <Section
      title={t.users.title}
      aside={
        <Button
          onClick={() => {
            add.reset();
            setAdding(true);
          }}
        >
          <Plus size={15} aria-hidden />
          {t.users.add}
        </Button>
      }
    >
      {list.error !== null && <Problem error={list.error} onRetry={() => void list.refetch()} />}
      {list.isPending && <Skeleton className="h-16" />}
      {list.isSuccess && users.length === 0 && <p className="card px-4 py-3 text-muted">{t.users.empty}</p>}
      {users.length > 0 && (
        <ul className="card divide-y divide-line">
          {users.map((x) => (
            <li key={x.name} className="flex items-center gap-3 py-2 pr-2 pl-4">
              <span className="grid min-w-0 grow">
                <span className="truncate font-medium" title={x.name}>
                  {x.name}
                </span>
                {x.subject && <span className="truncate text-small text-muted">{x.subject}</span>}
              </span>
              <select
                aria-label={t.users.roleOf(x.name)}
                value={x.role ?? ""}
                disabled={role.isPending}
                onChange={(e) => role.mutate({ user: x.name, role: e.target.value })}
                className="h-8 w-36 shrink-0 rounded-md border border-edge bg-surface px-2 pointer-coarse:h-11 pointer-coarse:text-[16px]"
              >
                {options}
              </select>
              <IconButton label={t.users.removeOf(x.name)} onClick={() => setGoing(x)}>
                <Trash2 size={16} />
              </IconButton>
            </li>
          ))}
        </ul>
      )}
      <Dialog open={adding} onClose={() => setAdding(false)} title={t.users.add}>
        <form
          className="grid gap-4"
          onSubmit={(e) => {
            e.preventDefault();
            const form = new FormData(e.currentTarget);
            const text = (name: string): string => String(form.get(name) ?? "").trim();
            add.mutate({ name: text("name"), ...(text("role") ? { role: text("role") } : {}), ...(text("subject") ? { subject: text("subject") } : {}) });
          }}
        >
          {add.error !== null && <Problem error={add.error} />}
          <Input label={t.users.name} help={t.users.nameHelp} name="name" required autoFocus autoComplete="off" />
          <Select label={t.settings.role} name="role" defaultValue="operator">
            {options}
          </Select>
          <Input label={t.users.subject} help={t.users.subjectHelp} name="subject" autoComplete="off" />
          <div className="flex justify-end gap-2">
            <Button onClick={() => setAdding(false)}>{t.tokens.cancel}</Button>
            <Button type="submit" look="fill" busy={add.isPending}>
              {t.users.add}
            </Button>
          </div>
        </form>
      </Dialog>
      <Dialog
        open={going !== undefined}
        onClose={() => setGoing(undefined)}
        title={t.users.removeTitle(going?.name ?? "")}
        actions={
          <>
            <Button onClick={() => setGoing(undefined)}>{t.tokens.keep}</Button>
            <Button look="danger" busy={remove.isPending} onClick={() => going !== undefined && remove.mutate(going.name)}>
              {t.users.remove}
            </Button>
          </>
        }
      >
        <p>{t.users.removeText}</p>
      </Dialog>
    </Section>
  );
}
