import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Boxes, CircleX, LoaderCircle } from "lucide-react";
import { useState } from "react";
import { size } from "../../core/format.js";
import { words } from "../../core/gallery.js";
import { found, fractionOf, kindsIn, sizeOf, differs, type Fetch, type Model } from "../../core/models.js";
import { useMay } from "../../data/host.js";
import { Button } from "../../kit/button.js";
import { Choice } from "../../kit/choice.js";
import { Copy } from "../../kit/copy.js";
import { Empty, Skeleton } from "../../kit/empty.js";
import { Search } from "../../kit/field.js";
import { NeedsAdmin } from "../../kit/needs-admin.js";
import { Page, Section } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { Progress } from "../../kit/progress.js";
import { Rows } from "../../kit/rows.js";
import { t } from "../../strings.js";
import { FetchAny } from "./fetch.js";
import { ModelPanel } from "./panel.js";
import { models, nameOf, useFetch } from "./queries.js";

/** Models shows which model files are on which machine, brings them to others and deletes them. Which one is looked at is in the address. */
export function Models() {
  const { model: chosen, kind = "", q = "" } = useSearch({ from: "/models" });
  const go = useNavigate({ from: "/models" });
  const [typed, setTyped] = useState(q);
  const list = useQuery(models);
  const may = useMay("admin");
  const all = list.data?.models ?? [];
  const kinds = kindsIn(all);
  const shown = found(all, kind, typed);
  const one = all.find((m) => m.name === chosen);
  const choose = (name: string | undefined): void => void go({ search: (was) => ({ ...words({ ...was }), ...(was.kind ? { kind: was.kind } : {}), ...(name ? { model: name } : {}) }), replace: true, resetScroll: false });
  const speaking = list.data !== undefined && (all.length > 0 || list.data.fetching.length > 0);
  return (
    <Page title={t.models.title} head={all.length > 0 && <Summary models={all} />} {...(may && speaking ? { actions: <FetchAny /> } : {})}>
      {list.error !== null && <Problem error={list.error} onRetry={() => void list.refetch()} />}
      {list.isPending && <Skeleton className="h-64" />}
      {list.data !== undefined && list.data.fetching.length > 0 && <OnTheirWay fetches={list.data.fetching} may={may} />}
      {list.data !== undefined && !speaking && (
        <div className="card">
          <Empty icon={Boxes} title={t.models.empty}>
            <p>{t.models.emptyText}</p>
            <Copy text={t.models.emptyCode} />
          </Empty>
        </div>
      )}
      {all.length > 0 && (
        <>
          <div className={`flex flex-wrap items-center gap-3 ${one === undefined ? "" : "max-lg:hidden"}`}>
            <Search label={t.models.search} value={typed} onChange={(text) => (setTyped(text), void go({ search: ({ kind, model }) => ({ ...words({ q: text.trim() }), ...(kind ? { kind } : {}), ...(model ? { model } : {}) }), replace: true, resetScroll: false }))} className="md:w-64" />
            {kinds.length > 1 && <Choice label={t.models.kind} value={kind} onChange={(k) => void go({ search: (was) => ({ ...words({ ...was }), ...(k ? { kind: k } : {}) }), replace: true })} options={[{ value: "", title: t.models.allKinds }, ...kinds.map((k) => ({ value: k, title: k }))]} />}
          </div>
          <div className="grid grid-cols-1 items-start gap-6 lg:grid-cols-[minmax(0,5fr)_minmax(0,4fr)]">
            {shown.length === 0 ? (
              <p className="card px-4 py-3 text-muted">{t.models.none}</p>
            ) : (
              <Rows
                items={shown}
                id={(m) => m.name}
                label={t.models.title}
                height={60}
                chosen={chosen}
                onChoose={(m) => choose(m.name)}
                className={`card max-h-[max(24rem,calc(100dvh-15rem))] ${one === undefined ? "" : "max-lg:hidden"}`}
                row={(m) => <Row model={m} />}
              />
            )}
            <ModelPanel key={one?.name} model={one} fetching={(list.data?.fetching ?? []).filter((f) => f.model === one?.name)} may={may} onBack={() => choose(undefined)} />
          </div>
        </>
      )}
      {list.data !== undefined && list.data.silent.length > 0 && speaking && <p className="text-small text-muted">{t.models.silent(list.data.silent.map((name) => (name === "this machine" ? t.home.devices.host : name)))}</p>}
      {list.data !== undefined && !may && <NeedsAdmin what={t.models.asAdmin} />}
    </Page>
  );
}

function Summary({ models: all }: { models: Model[] }) {
  const copies = all.flatMap((m) => m.copies);
  return <p className="text-muted">{[t.models.files(all.length), t.models.on(new Set(copies.map((c) => c.agent)).size), size(copies.reduce((sum, c) => sum + c.size, 0))].join(" · ")}</p>;
}

function Row({ model: m }: { model: Model }) {
  const slash = m.name.indexOf("/") + 1;
  const bytes = sizeOf(m);
  return (
    <div className="grid h-full grid-cols-[minmax(0,1fr)_auto] content-center gap-x-4 px-4">
      <span className="truncate font-medium" title={m.name}>
        {m.name.slice(slash)}
      </span>
      <span className="text-right text-muted">{bytes === undefined ? "" : size(bytes)}</span>
      <span className="truncate text-small text-muted">{m.copies.length === 0 ? t.models.nowhere : m.copies.map(nameOf).join(", ")}</span>
      <span className={`text-right text-small ${differs(m) ? "text-warn" : "text-muted"}`}>{differs(m) ? t.models.differs : m.name.slice(0, slash - 1)}</span>
    </div>
  );
}

/** OnTheirWay are files that come to machines, and those that did not. */
function OnTheirWay({ fetches, may }: { fetches: Fetch[]; may: boolean }) {
  const fetch = useFetch();
  return (
    <Section title={t.models.coming}>
      <ul className="card divide-y divide-line overflow-hidden">
        {fetches.map((f) => {
          const bad = f.error !== undefined && f.error !== "";
          const fraction = fractionOf(f);
          return (
            <li key={`${f.agent} ${f.model}`} className="grid grid-cols-[auto_minmax(0,1fr)_auto] items-center gap-x-3 gap-y-2 px-4 py-3">
              {bad ? <CircleX size={16} className="text-bad" aria-hidden /> : <LoaderCircle size={16} className="animate-turn text-busy" aria-hidden />}
              <span className="grid min-w-0">
                <span className="truncate font-medium" title={f.model}>
                  {f.model}
                </span>
                <span className="truncate text-small text-muted">{t.models.way(f.from, nameOf(f))}</span>
              </span>
              {bad ? (
                may && (
                  <Button busy={fetch.isPending} onClick={() => fetch.mutate({ model: f.model, agent: f.agent })}>
                    {t.retry}
                  </Button>
                )
              ) : (
                <span className="text-muted">{f.total ? t.home.devices.used(size(f.done), size(f.total)) : t.models.waits}</span>
              )}
              <span className="col-span-2 col-start-2">{bad ? <span className="break-words text-bad">{f.error}</span> : fraction !== undefined && <Progress fraction={fraction} label={f.model} />}</span>
            </li>
          );
        })}
      </ul>
    </Section>
  );
}
