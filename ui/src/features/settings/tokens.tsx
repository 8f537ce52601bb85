import { useMutation, useQuery } from "@tanstack/react-query";
import { KeyRound, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import type { Schemas } from "../../api/client.js";
import { ago, date } from "../../core/format.js";
import { api, ask, queries } from "../../data/host.js";
import { useNow } from "../../data/live.js";
import { Button, IconButton } from "../../kit/button.js";
import { Copy } from "../../kit/copy.js";
import { Dialog } from "../../kit/dialog.js";
import { Empty, Skeleton } from "../../kit/empty.js";
import { Input, Select } from "../../kit/field.js";
import { Section } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { Badge } from "../../kit/state.js";
import { toast, toastProblem } from "../../kit/toast.js";
import { t } from "../../strings.js";

const key = ["tokens"];
const again = (): Promise<void> => queries.invalidateQueries({ queryKey: key });

/** Tokens are what people and programs sign in with: made, shown once, and ended. */
export function Tokens() {
  const list = useQuery({ queryKey: key, queryFn: () => ask(api.GET("/api/v1/tokens")) });
  const [making, setMaking] = useState(false);
  const [going, setGoing] = useState<Schemas["Token"]>();
  const now = useNow(true, 30_000);
  const revoke = useMutation({
    mutationFn: (x: Schemas["Token"]) => ask(api.DELETE("/api/v1/tokens/{token}", { params: { path: { token: x.id } } })),
    onSuccess: (x) => {
      setGoing(undefined);
      toast(t.tokens.revoked(x.name));
      return again();
    },
    onError: toastProblem,
  });
  const tokens = list.data?.tokens ?? [];
  return (
    <Section
      title={t.tokens.title}
      aside={
        <Button onClick={() => setMaking(true)}>
          <Plus size={15} aria-hidden />
          {t.tokens.make}
        </Button>
      }
    >
      {list.error !== null && <Problem error={list.error} onRetry={() => void list.refetch()} />}
      {list.isPending && <Skeleton className="h-32" />}
      {list.isSuccess && tokens.length === 0 && (
        <div className="card">
          <Empty icon={KeyRound} title={t.tokens.empty}>
            <p>{t.tokens.emptyText}</p>
          </Empty>
        </div>
      )}
      {tokens.length > 0 && (
        <ul className="card divide-y divide-line">
          {tokens.map((x) => (
            <li key={x.id} className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-3 py-2 pr-2 pl-4">
              <span className="grid min-w-0 gap-x-4 gap-y-1 md:grid-cols-[minmax(0,1fr)_16rem] md:items-center">
                <span className="flex min-w-0 flex-wrap items-center gap-x-3 gap-y-1">
                  <span className="min-w-0 truncate font-medium" title={x.name}>
                    {x.name}
                  </span>
                  <Badge>{t.roles[x.role] ?? x.role}</Badge>
                  {x.user !== x.name && <span className="min-w-0 truncate text-muted">{x.user}</span>}
                </span>
                <span className="text-small text-muted" title={t.tokens.made(date(x.created))}>
                  {[x.used === undefined ? t.tokens.unused : t.tokens.used(ago(x.used, now)), x.expires === undefined ? "" : t.tokens.until(date(x.expires))].filter(Boolean).join(" · ")}
                </span>
              </span>
              <IconButton label={t.tokens.revokeOf(x.name)} onClick={() => setGoing(x)}>
                <Trash2 size={16} />
              </IconButton>
            </li>
          ))}
        </ul>
      )}
      <Make open={making} onClose={() => setMaking(false)} />
      <Dialog
        open={going !== undefined}
        onClose={() => setGoing(undefined)}
        title={t.tokens.revokeTitle(going?.name ?? "")}
        actions={
          <>
            <Button onClick={() => setGoing(undefined)}>{t.tokens.keep}</Button>
            <Button look="danger" busy={revoke.isPending} onClick={() => going !== undefined && revoke.mutate(going)}>
              {t.tokens.revoke}
            </Button>
          </>
        }
      >
        <p>{t.tokens.revokeText}</p>
      </Dialog>
    </Section>
  );
}

/** Make asks for a new token, and then shows it: nobody can again. */
function Make({ open, onClose }: { open: boolean; onClose: () => void }) {
  const make = useMutation({ mutationFn: (body: Schemas["NewToken"]) => ask(api.POST("/api/v1/tokens", { body })), onSuccess: again });
  const close = (): void => {
    onClose();
    make.reset();
  };
  return (
    <Dialog open={open} onClose={close} title={make.data === undefined ? t.tokens.make : t.tokens.madeOf(make.data.name)}>
      {make.data !== undefined ? (
        <div className="grid grid-cols-1 gap-4">
          <p className="rounded-md bg-warn-tint px-3 py-2 text-warn">{t.tokens.once}</p>
          <Copy text={make.data.text ?? ""} />
          <Button look="fill" className="justify-self-end" onClick={close}>
            {t.tokens.done}
          </Button>
        </div>
      ) : (
        <form
          className="grid gap-4"
          onSubmit={(e) => {
            e.preventDefault();
            const form = new FormData(e.currentTarget);
            const text = (name: string): string => String(form.get(name) ?? "").trim();
            make.mutate({ name: text("name"), role: text("role"), ...(text("user") ? { user: text("user") } : {}), ...(text("seconds") === "0" ? {} : { seconds: Number(text("seconds")) }) });
          }}
        >
          {make.error !== null && <Problem error={make.error} />}
          <Input label={t.tokens.name} help={t.tokens.nameHelp} name="name" required autoFocus maxLength={100} />
          <Input label={t.tokens.user} help={t.tokens.userHelp} name="user" maxLength={100} autoComplete="off" />
          <Select label={t.settings.role} name="role" defaultValue="operator">
            {(["viewer", "operator", "admin"] as const).map((role) => (
              <option key={role} value={role}>
                {`${t.roles[role]}: ${t.settings.may[role]}`}
              </option>
            ))}
          </Select>
          <Select label={t.tokens.good} name="seconds" defaultValue={String(90 * 86_400)}>
            {t.tokens.goods.map(([days, title]) => (
              <option key={days} value={days * 86_400}>
                {title}
              </option>
            ))}
          </Select>
          <div className="flex justify-end gap-2">
            <Button onClick={close}>{t.tokens.cancel}</Button>
            <Button type="submit" look="fill" busy={make.isPending}>
              {t.tokens.make}
            </Button>
          </div>
        </form>
      )}
    </Dialog>
  );
}
