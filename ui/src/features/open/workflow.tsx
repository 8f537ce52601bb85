import { keepPreviousData, useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Save } from "lucide-react";
import { useState, type ReactNode } from "react";
import type { Schemas } from "../../api/client.js";
import type { Artifact } from "../../core/values.js";
import { api, ask, ProblemError, queries } from "../../data/host.js";
import { useSettled } from "../../data/settled.js";
import { Button } from "../../kit/button.js";
import { Skeleton } from "../../kit/empty.js";
import { Input } from "../../kit/field.js";
import { Section } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { Badge } from "../../kit/state.js";
import { toast } from "../../kit/toast.js";
import { t } from "../../strings.js";
import { Source } from "./source.js";

const right = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/; // a pipeline's name, and its file's

/** Workflow is what becomes of a ComfyUI workflow: a pipeline to be looked at, saved and launched. maybe: there need not be one in the file. */
export function Workflow({ artifact: a, maybe = false }: { artifact: Artifact; maybe?: boolean }) {
  const [name, setName] = useState<string>();
  const asked = useSettled(name);
  const settled = asked !== undefined && right.test(asked) ? asked : undefined;
  const found = useQuery({
    queryKey: ["import", a.digest, a.name, settled ?? ""],
    staleTime: Infinity,
    placeholderData: keepPreviousData,
    retry: false,
    queryFn: () => ask(api.POST("/api/v1/imports/comfyui", { body: { artifact: a.digest, file: a.name, ...(settled ? { name: settled } : {}) } })),
  });
  const made = found.data;
  if (found.isPending) return <Skeleton className="h-64" />;
  if (made === undefined) {
    const none = found.error instanceof ProblemError && found.error.problem.code === "unsupported";
    if (none) return maybe ? <p className="text-muted">{t.open.noWorkflow}</p> : <Problem error={found.error} />;
    return <Problem error={found.error} onRetry={() => void found.refetch()} />;
  }
  const now = name ?? made.name;
  return <Made made={made} name={now} settled={made.name === now} error={right.test(now) ? undefined : t.open.badName} onName={setName} />;
}

interface MadeProps {
  made: Schemas["Imported"];
  name: string;
  /** What is seen is of this name. */
  settled: boolean;
  error: string | undefined;
  onName: (name: string) => void;
}

function Made({ made, name, settled, error, onName }: MadeProps) {
  const go = useNavigate();
  const { text, files } = made;
  const checked = useQuery({ queryKey: ["check", text], staleTime: Infinity, queryFn: () => ask(api.POST("/api/v1/pipelines/check", { body: { name: `${made.name}.hcl`, text, files } })) });
  const save = useMutation({
    mutationFn: () => ask(api.PUT("/api/v1/pipelines/{name}/source", { params: { path: { name: made.name } }, body: { text, files } })),
    async onSuccess(saved) {
      toast(t.open.saved(saved.pipeline.name));
      await queries.invalidateQueries({ queryKey: ["pipelines"] });
      void go({ to: "/pipelines/$name", params: { name: saved.pipeline.name } });
    },
  });
  const taken = save.error instanceof ProblemError && save.error.problem.code === "stale";
  return (
    <Section title={t.open.becomes}>
      <div className="card grid grid-cols-1 overflow-hidden">
        <div className="grid grid-cols-1 gap-6 p-4 md:grid-cols-2 md:p-6">
          <div className="grid content-start gap-4">
            <p className="text-lead">{t.open.from(made.from, made.nodes)}</p>
            <Input label={t.open.name} value={name} error={taken ? t.open.taken(made.name) : error} autoComplete="off" spellCheck={false} onChange={(e) => (save.reset(), onName(e.currentTarget.value))} />
            {made.incomplete.length > 0 && (
              <List title={t.open.incomplete} warns>
                {made.incomplete.map((g) => (
                  <li key={g.id} className="break-words">{`${g.class} (${g.id}): ${g.why}`}</li>
                ))}
              </List>
            )}
            {[...made.warnings, ...(checked.data?.diagnostics ?? []).map((d) => [d.summary, d.detail].filter(Boolean).join(": "))].map((w) => (
              <p key={w} className="rounded-lg bg-warn-tint px-4 py-3 break-words text-warn">
                {w}
              </p>
            ))}
            {checked.error !== null && <Problem error={checked.error} onRetry={() => void checked.refetch()} />}
            <List title={t.open.customNodes} none={t.open.noCustomNodes}>
              {made.custom_nodes.map((p) => (
                <li key={p.name} className="grid">
                  <span className="break-words">{p.name || t.open.unknownPack}</span>
                  <span className="text-small break-words text-muted">{p.classes.join(", ")}</span>
                </li>
              ))}
            </List>
            <List title={t.open.models} none={t.open.noModels}>
              {made.models.map((m) => (
                <li key={`${m.kind} ${m.name}`} className="grid">
                  <span className="font-mono text-small leading-5 break-all">{m.kind ? `${m.kind}/${m.name}` : m.name}</span>
                  {m.url && (
                    <a href={m.url} target="_blank" rel="noreferrer noopener" className="truncate text-small text-accent hover:underline">
                      {m.url}
                    </a>
                  )}
                </li>
              ))}
            </List>
          </div>
          <div className="grid content-start gap-4">
            <List title={t.open.variables} none={t.launch.nothing}>
              {made.variables.map((v) => (
                <li key={v.name} className="flex flex-wrap items-baseline gap-x-3">
                  <span className="font-medium break-all">{v.name}</span>
                  <Badge>{v.type}</Badge>
                  <span className="min-w-0 text-small break-words text-muted">{v.inputs.join(", ")}</span>
                </li>
              ))}
            </List>
          </div>
        </div>
        <Source text={text} />
        {save.error !== null && !taken && (
          <div className="px-4 pb-4 md:px-6">
            <Problem error={save.error} />
          </div>
        )}
        <div className="flex flex-wrap items-center justify-end gap-4 border-t border-line bg-bg px-4 py-3 md:px-6">
          <Button look="fill" busy={save.isPending} disabled={!settled} onClick={() => save.mutate()}>
            <Save size={15} aria-hidden />
            {t.open.save}
          </Button>
        </div>
      </div>
    </Section>
  );
}

const few = 12; // rows: more of them scroll

function List({ title, none = "", warns = false, children }: { title: string; none?: string; warns?: boolean; children: ReactNode[] }) {
  return (
    <div className={`grid grid-cols-1 gap-1 ${warns ? "rounded-lg bg-warn-tint px-4 py-3 text-warn" : ""}`}>
      <h3 className="font-medium">{title}</h3>
      {children.length === 0 ? <p className="text-muted">{none}</p> : <ul aria-label={title} tabIndex={children.length > few ? 0 : undefined} className={`grid gap-1 ${children.length > few ? "max-h-64 overflow-auto" : ""}`}>{children}</ul>}
    </div>
  );
}
