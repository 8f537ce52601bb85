import { keepPreviousData, queryOptions, useQuery } from "@tanstack/react-query";
import { Download, Receipt } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { csvOf, energyOf, firstDay, gpuTime, groupings, money, part, spans, type Bill, type Grouping, type Span } from "../../core/bill.js";
import { count } from "../../core/format.js";
import { api, ask, me, useMay } from "../../data/host.js";
import { Button } from "../../kit/button.js";
import { Choice } from "../../kit/choice.js";
import { Empty, Skeleton } from "../../kit/empty.js";
import { Section } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { Spent } from "../../kit/spent.js";
import { t } from "../../strings.js";

const Chart = lazy(() => import("./bill-chart.js"));

const bill = (by: Grouping, since?: string) =>
  queryOptions({
    queryKey: ["bill", by, since],
    queryFn: () => ask(api.GET("/api/v1/bill", { params: { query: { by, ...(since === undefined ? {} : { since }) } } })),
    placeholderData: keepPreviousData,
  });

/** save hands a text to the browser as a file. */
function save(text: string, name: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** BillSettings is what runs have used: together, over time, and by whom or for what. */
export function BillSettings() {
  const [by, setBy] = useState<Grouping>("user");
  const [span, setSpan] = useState<Span>(30);
  const [now] = useState(() => Date.now());
  const since = firstDay(span, now);
  const list = useQuery(bill(by, since));
  const days = useQuery(bill("day", since));
  const all = useMay("admin");
  const who = useQuery(me).data;
  const b = list.data;
  return (
    <div className="grid grid-cols-1 gap-6">
      <Section title={who?.sign_in === true && !all ? t.bill.yours : t.bill.ofAll}>
        <div className="-mt-1">
          <Choice label={t.bill.span} value={String(span)} options={spans.map((n) => ({ value: String(n), title: t.bill.spans[n] }))} onChange={(n) => setSpan(spans.find((s) => String(s) === n) ?? 30)} />
        </div>
        {list.error !== null && <Problem error={list.error} onRetry={() => void list.refetch()} />}
        {list.isPending && <Skeleton className="h-20" />}
        {b !== undefined && b.total.runs === 0 && (
          <div className="card">
            <Empty icon={Receipt} title={t.bill.empty}>
              <p>{t.bill.emptyText}</p>
            </Empty>
          </div>
        )}
        {b !== undefined && b.total.runs > 0 && <Spent spent={b.total} currency={b.currency} />}
        {days.data !== undefined && days.data.by === "day" && days.data.total.used.gpu_seconds > 0 && (
          <Suspense fallback={<Skeleton className="h-48" />}>
            <Chart bill={days.data} />
          </Suspense>
        )}
      </Section>
      {b !== undefined && b.groups.length > 0 && (
        <Section
          title={t.bill.by}
          aside={
            <Button onClick={() => save(csvOf(b), `spinbot-bill-by-${b.by}${since === undefined ? "" : `-since-${since}`}.csv`)}>
              <Download size={15} aria-hidden />
              {t.bill.csv}
            </Button>
          }
        >
          <div className="-mt-1">
            <Choice label={t.bill.by} value={by} options={groupings.map((value) => ({ value, title: t.bill.groupings[value] }))} onChange={setBy} />
          </div>
          <Groups bill={b} />
        </Section>
      )}
    </div>
  );
}

/** Groups are what is added up, each with a bar for its part of all. */
function Groups({ bill: b }: { bill: Bill }) {
  const most = Math.max(...b.groups.map((g) => g.used.gpu_seconds), 0);
  const currency = b.currency ?? "";
  return (
    <>
      <ul className="card divide-y divide-line overflow-hidden">
        {b.groups.map((g) => {
          const [wasted, saved] = [part(g.wasted, currency), part(g.saved, currency)];
          return (
            <li key={g.key} className="relative grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 gap-y-1 px-4 py-3 md:grid-cols-[minmax(0,1fr)_minmax(0,14rem)_6rem_5rem_6rem]">
              {most > 0 && <span aria-hidden className="absolute bottom-0 left-0 h-[3px] rounded-r-sm bg-accent opacity-60" style={{ width: `${(g.used.gpu_seconds / most) * 100}%` }} />}
              <span className="grid min-w-0">
                <span className="truncate font-medium" title={g.key}>
                  {g.name || g.key || t.bill.nothing[b.by] || "–"}
                </span>
                <span className="truncate text-small text-muted">{[count(g.runs, "run"), g.name ? g.key : ""].filter(Boolean).join(" · ")}</span>
              </span>
              <span className="flex flex-wrap gap-x-4 text-small max-md:order-3 max-md:col-span-2 max-md:empty:hidden md:justify-end">
                {wasted !== undefined && <span className="text-warn">{t.bill.wasted(wasted)}</span>}
                {saved !== undefined && <span className="text-good">{t.bill.saved(saved)}</span>}
              </span>
              <span className="text-right text-muted tabular-nums max-md:hidden">{g.used.gpu_seconds > 0 ? gpuTime(g.used) : "–"}</span>
              <span className="text-right text-muted tabular-nums max-md:hidden">{energyOf(g.used) ?? "–"}</span>
              <span className="text-right font-medium tabular-nums max-md:row-start-1 max-md:col-start-2">
                {currency !== "" ? money(g.used.cost ?? 0, currency) : <span className="md:hidden">{g.used.gpu_seconds > 0 ? gpuTime(g.used) : "–"}</span>}
              </span>
            </li>
          );
        })}
      </ul>
      {b.more !== undefined && b.more > 0 && <p className="text-small text-muted">{t.bill.more(b.more)}</p>}
    </>
  );
}
