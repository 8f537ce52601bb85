import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { CirclePlay, Save } from "lucide-react";
import { artifactURL, type Artifact } from "../../core/values.js";
import { api, ask, ProblemError, queries } from "../../data/host.js";
import { Button } from "../../kit/button.js";
import { Skeleton } from "../../kit/empty.js";
import { Section } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { toast, toastProblem } from "../../kit/toast.js";
import { t } from "../../strings.js";
import { Source } from "./source.js";

const most = 4 << 20; // bytes of a pipeline's file, as the host has it

/** PipelineFile is a pipeline's file: whether it is right, and the way to save and launch it. One of its name is replaced, which can be undone. */
export function PipelineFile({ artifact: a }: { artifact: Artifact }) {
  const text = useQuery({
    queryKey: ["text", a.digest],
    enabled: a.size <= most,
    staleTime: Infinity,
    queryFn: async () => {
      const answer = await fetch(artifactURL(a));
      if (!answer.ok) throw new ProblemError({ type: "about:blank", title: t.problem.odd(answer.status), status: answer.status, code: "internal" });
      return answer.text();
    },
  });
  if (a.size > most) return <Problem error={{ title: t.open.tooLarge }} />;
  if (text.data !== undefined) return <Checked text={text.data} file={a.name} />;
  return text.error === null ? <Skeleton className="h-48" /> : <Problem error={text.error} onRetry={() => void text.refetch()} />;
}

/** save writes a pipeline's file at a version. */
const save = (name: string, text: string, version?: string) => ask(api.PUT("/api/v1/pipelines/{name}/source", { params: { path: { name } }, body: { text, ...(version === undefined ? {} : { version }) } }));

function Checked({ text, file }: { text: string; file: string }) {
  const go = useNavigate();
  const checked = useQuery({ queryKey: ["check", text], staleTime: Infinity, queryFn: () => ask(api.POST("/api/v1/pipelines/check", { body: { name: file, text } })) });
  const name = checked.data?.pipeline ?? "";
  /** The one of that name that is here; null: there is none. */
  const here = useQuery({
    queryKey: ["pipelines", name, "source"],
    enabled: name !== "",
    queryFn: async () => {
      const { pipelines } = await ask(api.GET("/api/v1/pipelines"));
      return pipelines.some((p) => p.name === name) ? ask(api.GET("/api/v1/pipelines/{name}/source", { params: { path: { name } } })) : null;
    },
  });
  const open = (): void => void go({ to: "/pipelines/$name", params: { name } });
  const again = () => queries.invalidateQueries({ queryKey: ["pipelines"] });
  const put = useMutation({
    mutationFn: () => save(name, text, here.data?.version),
    async onSuccess(saved) {
      const was = here.data;
      toast(t.open.saved(name), was ? () => void save(name, was.text, saved.version).then(again, toastProblem) : undefined);
      await again();
      open();
    },
  });
  if (checked.error !== null) return <Problem error={checked.error} onRetry={() => void checked.refetch()} />;
  if (checked.data === undefined) return <Skeleton className="h-48" />;
  const same = here.data?.text === text;
  return (
    <Section title={t.open.pipeline}>
      <div className="card grid grid-cols-1 overflow-hidden">
        <div className="grid grid-cols-1 gap-3 p-4 md:p-6">
          <p className="text-lead break-words">{name === "" ? t.open.unnamed : t.open.isPipeline(name, checked.data.nodes)}</p>
          {checked.data.diagnostics.map((d) => (
            <p key={`${d.range.start.line} ${d.summary}`} className={`rounded-lg px-4 py-3 break-words ${d.severity === "error" ? "bg-bad-tint text-bad" : "bg-warn-tint text-warn"}`}>
              {t.open.line(d.range.start.line, [d.summary, d.detail].filter(Boolean).join(": "))}
            </p>
          ))}
          {checked.data.valid && checked.data.diagnostics.length === 0 && <p className="text-good">{t.open.valid}</p>}
          {here.data && !same && <p className="rounded-lg bg-warn-tint px-4 py-3 text-warn">{t.open.replaces(name)}</p>}
          {same && <p className="text-muted">{t.open.same}</p>}
          {(put.error ?? here.error) !== null && <Problem error={put.error ?? here.error} />}
        </div>
        <Source text={text} />
        {name !== "" && (
          <div className="flex justify-end border-t border-line bg-bg px-4 py-3 md:px-6">
            {same ? (
              <Button look="fill" onClick={open}>
                <CirclePlay size={15} aria-hidden />
                {t.open.launch}
              </Button>
            ) : (
              <Button look="fill" busy={put.isPending} disabled={here.data === undefined} onClick={() => put.mutate()}>
                <Save size={15} aria-hidden />
                {here.data ? t.open.replace : t.open.save}
              </Button>
            )}
          </div>
        )}
      </div>
    </Section>
  );
}
