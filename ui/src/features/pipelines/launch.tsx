import { keepPreviousData, useMutation, useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { CirclePlay } from "lucide-react";
import { useState } from "react";
import type { Schemas } from "../../api/client.js";
import { draftOf, filled, mistakes, submission, type Draft, type Variable } from "../../core/launch.js";
import { mostRuns, product, swept } from "../../core/sweep.js";
import { useDraft } from "../../data/draft.js";
import { useGiven } from "../../data/given.js";
import { api, ask, pipeline, ProblemError } from "../../data/host.js";
import { useSettled } from "../../data/settled.js";
import { useUploading } from "../../data/upload.js";
import { Button } from "../../kit/button.js";
import { Skeleton } from "../../kit/empty.js";
import { focusWrong } from "../../kit/field.js";
import { Page, Section } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { toast, toastProblem } from "../../kit/toast.js";
import { t } from "../../strings.js";
import { EditLink } from "./edit-link.js";
import { Field } from "./field.js";
import { PipelineGraph } from "./pipeline-graph.js";
import { Plan } from "./plan.js";
import { Presets } from "./presets.js";
import { Runs } from "./sweep.js";

const route = getRouteApi("/pipelines/$name");

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

const cancel = (id: string) => ask(api.POST("/api/v1/runs/{id}/cancel", { params: { path: { id } }, body: {} }));

function Form({ of, name }: { of: Schemas["Pipeline"]; name: string }) {
  const [variables] = useState(of.variables ?? []); // the same list while the form is there
  const [draft, setDraft] = useDraft(`launch ${name}`, variables);
  const odd = useGiven(route.useSearch(), variables, setDraft);
  const [sweep, setSweep] = useState<Record<string, string>>({});
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const uploading = useUploading();
  const [begun, setBegun] = useState(0);
  const axes = swept(sweep, variables);
  const all = product(draft, axes);
  const tooMany = all.length > mostRuns;
  const lacks = variables.filter((v) => v.required && all[0] !== undefined && !filled(all[0], v)).map((v) => v.name);
  const asked = JSON.stringify(submission(name, all[0] ?? draft, variables));
  const settled = useSettled(asked);
  const fresh = settled === asked; // the plan is of what stands in the form
  const go = useNavigate();
  const plan = useQuery({
    queryKey: ["plan", settled],
    enabled: fresh && lacks.length === 0,
    placeholderData: keepPreviousData,
    retry: false,
    queryFn: () => ask(api.POST("/api/v1/plans", { body: JSON.parse(settled) as Schemas["Submission"] })),
  });
  const start = useMutation({
    async mutationFn() {
      const made: string[] = [];
      for (const one of all) {
        try {
          made.push((await ask(api.POST("/api/v1/runs", { body: submission(name, one, variables) }))).id);
        } catch (e) {
          if (made.length > 0) toast(t.launch.some(made.length, all.length), () => void Promise.all(made.map(cancel)).catch(toastProblem));
          throw e;
        }
        setBegun(made.length);
      }
      return made;
    },
    onSuccess(made) {
      if (made.length > 1) toast(t.launch.begun(made.length), () => void Promise.all(made.map(cancel)).catch(toastProblem));
      void (made.length === 1 && made[0] !== undefined ? go({ to: "/runs/$id", params: { id: made[0] } }) : go({ to: "/runs", search: { of: name } }));
    },
    onError: (e) => !(e instanceof ProblemError && e.problem.diagnostics) && toastProblem(e),
    onSettled: () => setBegun(0),
  });
  const problem = plan.error instanceof ProblemError ? plan.error.problem : undefined;
  const told = lacks.length > 0 ? { of: Object.fromEntries(lacks.map((of) => [of, t.launch.lacks])), rest: [] } : problem?.diagnostics ? mistakes(problem, variables) : undefined;
  const change = (v: Variable, next: (was: Draft) => Draft): void => {
    setDraft(next);
    setTouched((was) => new Set(was).add(v.name));
  };
  return (
    <form
      className="grid grid-cols-1 items-start gap-6 lg:grid-cols-[minmax(0,5fr)_minmax(0,4fr)]"
      onSubmit={(e) => {
        e.preventDefault();
        setTouched(new Set(variables.map((v) => v.name)));
        if (!tooMany && (told === undefined || (lacks.length === 0 && !fresh))) start.mutate();
        else focusWrong(e.currentTarget);
      }}
    >
      <Section title={t.launch.values}>
        <div className="card grid grid-cols-1">
          <div className="grid grid-cols-1 gap-4 p-4">
            <Presets name={name} onTake={(inputs) => (setDraft(draftOf(inputs, variables)), setSweep({}))} />
            {variables.length === 0 && <p className="text-muted">{t.launch.nothing}</p>}
            {variables.map((v) => (
              <Field
                key={v.name}
                variable={v}
                draft={draft}
                error={touched.has(v.name) ? told?.of[v.name] : undefined}
                onChange={(next) => change(v, next)}
                several={sweep[v.name]}
                onSeveral={(typed) => setSweep(Object.fromEntries([...Object.entries(sweep).filter(([of]) => of !== v.name), ...(typed === undefined ? [] : [[v.name, typed]])]) as Record<string, string>)}
              />
            ))}
            {odd !== undefined && <Problem error={odd} />}
          </div>
          <div className="sticky bottom-14 flex items-center gap-3 rounded-b-lg border-t border-line bg-surface p-3 px-4 md:bottom-0">
            <Button type="submit" look="fill" busy={start.isPending} disabled={tooMany || uploading}>
              <CirclePlay size={15} aria-hidden />
              {all.length > 1 ? t.launch.startAll(tooMany ? undefined : all.length) : t.launch.start}
            </Button>
            {start.isPending && all.length > 1 && (
              <span role="status" className="text-muted">
                {t.launch.begins(begun, all.length)}
              </span>
            )}
          </div>
        </div>
      </Section>
      <div className="grid grid-cols-1 gap-6 lg:sticky lg:top-6" aria-live="polite">
        {axes.length > 0 && <Runs axes={axes} all={all} />}
        <div className="grid grid-cols-1 gap-3">
          {plan.isPending && told === undefined && <Skeleton className="h-40" />}
          {plan.data !== undefined && plan.error === null && told === undefined && <Plan plan={plan.data} first={all.length > 1} />}
          {plan.error !== null && told === undefined && <Problem error={plan.error} onRetry={() => void plan.refetch()} />}
          {told?.rest.map((text) => <Problem key={text} error={{ title: text }} />)}
          {told !== undefined && told.rest.length === 0 && (
            <Section title={t.launch.plan}>
              <p className="card px-4 py-3 text-muted">{t.launch.incomplete(Object.keys(told.of))}</p>
            </Section>
          )}
        </div>
      </div>
    </form>
  );
}
