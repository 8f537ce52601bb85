import { keepPreviousData, useMutation, useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { CirclePlay } from "lucide-react";
import { useEffect, useState } from "react";
import type { Schemas } from "../../api/client.js";
import { ago } from "../../core/format.js";
import { draftOf, emptyDraft, mistakes, submission, type Draft, type Variable } from "../../core/launch.js";
import { api, ask, ProblemError, queries, run as runQuery } from "../../data/host.js";
import { useNow } from "../../data/live.js";
import { Button } from "../../kit/button.js";
import { Skeleton } from "../../kit/empty.js";
import { Input, Select } from "../../kit/field.js";
import { Page, Section } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { toastProblem } from "../../kit/toast.js";
import { t } from "../../strings.js";
import { EditLink } from "./edit-link.js";
import { FileField } from "./file-field.js";
import { PipelineGraph } from "./pipeline-graph.js";
import { Plan } from "./plan.js";
import { pipeline, runsOf } from "./queries.js";

const route = getRouteApi("/pipelines/$name");
const pause = 400; // ms without a key until the host is asked

/** LaunchPage is one pipeline: its variables as a form, what a run would do, and the button that makes it. */
export function LaunchPage() {
  const { name } = route.useParams();
  const found = useQuery(pipeline(name));
  return (
    <Page title={name} head={found.data?.description && <p className="text-muted">{found.data.description}</p>} actions={<EditLink name={name} />}>
      {found.isPending && <Skeleton className="h-72" />}
      {found.error !== null && <Problem error={found.error} onRetry={() => void found.refetch()} />}
      {found.data !== undefined && (found.data.state === "broken" ? <Problem error={{ title: t.launch.broken, detail: found.data.reason ?? "" }} /> : <Form key={name} of={found.data} name={name} />)}
      {found.data?.nodes !== undefined && <PipelineGraph nodes={found.data.nodes} />}
    </Page>
  );
}

/** useSettled gives a value once it has not changed for a while. */
function useSettled<T>(value: T): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), pause);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

function Form({ of, name }: { of: Schemas["Pipeline"]; name: string }) {
  const variables = of.variables ?? [];
  const [draft, setDraft] = useState<Draft>(emptyDraft);
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const settled = useSettled(draft);
  const go = useNavigate();
  const plan = useQuery({ queryKey: ["plan", name, settled], placeholderData: keepPreviousData, retry: false, queryFn: () => ask(api.POST("/api/v1/plans", { body: submission(name, settled) })) });
  const start = useMutation({
    mutationFn: () => ask(api.POST("/api/v1/runs", { body: submission(name, draft) })),
    onSuccess: (run) => void go({ to: "/runs/$id", params: { id: run.id } }),
    onError: (e) => {
      setTouched(new Set(variables.map((v) => v.name)));
      if (!(e instanceof ProblemError && e.problem.diagnostics)) toastProblem(e);
    },
  });
  const problem = plan.error instanceof ProblemError ? plan.error.problem : undefined;
  const told = problem?.diagnostics ? mistakes(problem, variables) : undefined;
  const change = (v: Variable, next: Draft): void => {
    setDraft(next);
    setTouched(new Set(touched).add(v.name));
  };
  const errorOf = (v: Variable): string | undefined => (touched.has(v.name) ? told?.of[v.name] : undefined);
  return (
    <form
      className="grid grid-cols-1 items-start gap-6 lg:grid-cols-[minmax(0,5fr)_minmax(0,4fr)]"
      onSubmit={(e) => {
        e.preventDefault();
        start.mutate();
      }}
    >
      <Section title={t.launch.values}>
        <div className="card grid grid-cols-1 gap-4 p-4">
          <Presets name={name} onTake={(inputs) => setDraft(draftOf(inputs, variables))} />
          {variables.length === 0 && <p className="text-muted">{t.launch.nothing}</p>}
          {variables.map((v) =>
            v.type === "artifact" ? (
              <FileField
                key={v.name}
                variable={v}
                file={draft.files[v.name]}
                error={errorOf(v)}
                onChange={(file) => {
                  const others = Object.entries(draft.files).filter(([other]) => other !== v.name);
                  change(v, { ...draft, files: Object.fromEntries(file === undefined ? others : [...others, [v.name, file]]) });
                }}
              />
            ) : (
              <TextField key={v.name} variable={v} value={draft.text[v.name] ?? ""} error={errorOf(v)} onChange={(text) => change(v, { ...draft, text: { ...draft.text, [v.name]: text } })} />
            ),
          )}
          <Button type="submit" look="fill" busy={start.isPending} className="justify-self-start">
            <CirclePlay size={15} aria-hidden />
            {t.launch.start}
          </Button>
        </div>
      </Section>
      <div className="grid gap-3" aria-live="polite">
        {plan.isPending && <Skeleton className="h-40" />}
        {plan.data !== undefined && plan.error === null && <Plan plan={plan.data} />}
        {plan.error !== null && told === undefined && <Problem error={plan.error} onRetry={() => void plan.refetch()} />}
        {told?.rest.map((text) => <Problem key={text} error={{ title: text }} />)}
        {told !== undefined && told.rest.length === 0 && (
          <Section title={t.launch.plan}>
            <p className="card px-4 py-3 text-muted">{t.launch.incomplete(Object.keys(told.of))}</p>
          </Section>
        )}
      </div>
    </form>
  );
}

function TextField({ variable: v, value, error, onChange }: { variable: Variable; value: string; error: string | undefined; onChange: (text: string) => void }) {
  const label = v.required ? `${v.name} · ${t.launch.required}` : v.name;
  const standing = v.default === undefined || v.default === null ? "" : typeof v.default === "string" ? v.default : JSON.stringify(v.default);
  const props = { label, error, value, ...(v.description === undefined ? {} : { help: v.description }) };
  if (v.type === "bool")
    return (
      <Select {...props} onChange={(e) => onChange(e.currentTarget.value)}>
        <option value="">{standing === "" ? t.launch.choose : t.launch.standing(standing)}</option>
        <option value="true">true</option>
        <option value="false">false</option>
      </Select>
    );
  return <Input {...props} placeholder={standing || v.type} spellCheck={v.type === "string"} autoComplete="off" type={v.sensitive ? "password" : "text"} inputMode={v.type === "number" ? "decimal" : "text"} onChange={(e) => onChange(e.currentTarget.value)} />;
}

/** Presets are the values of earlier runs, to be taken again. */
function Presets({ name, onTake }: { name: string; onTake: (inputs: Record<string, unknown>) => void }) {
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
