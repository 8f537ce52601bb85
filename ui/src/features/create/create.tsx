import { useQueries, useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { Clapperboard } from "lucide-react";
import { useRef, useState } from "react";
import { askedOf, preferred } from "../../core/create.js";
import { draftOf, type Draft } from "../../core/launch.js";
import { pipeline, pipelines } from "../../data/host.js";
import { Copy } from "../../kit/copy.js";
import { Empty, Skeleton } from "../../kit/empty.js";
import { Page } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { toast } from "../../kit/toast.js";
import { t } from "../../strings.js";
import { Films } from "./films.js";
import { MakerForm } from "./form.js";
import type { Maker } from "./maker.js";

const route = getRouteApi("/create");

/** Create is the shortest way to a film: what it is about, a face and a voice, and the films themselves below. */
export function Create() {
  // A host that has just begun does not know all node types yet, and so not which pipelines are ready.
  const found = useQuery({ ...pipelines, refetchInterval: (q) => (q.state.data?.pipelines.some((p) => preferred.includes(p.name) && p.state !== "ready") ? 3000 : false) });
  const some = found.data?.pipelines.filter((p) => preferred.includes(p.name)) ?? [];
  const names = preferred.filter((name) => some.some((p) => p.name === name && p.state === "ready"));
  const whole = useQueries({ queries: names.map(pipeline) });
  const makers = whole.flatMap(({ data: of }): Maker[] => {
    const asked = of === undefined ? undefined : askedOf(of.variables ?? []);
    return of === undefined || asked === undefined ? [] : [{ of, asked }];
  });
  const error = found.error ?? whole.find((q) => q.error !== null)?.error ?? null;
  const pending = found.isPending || whole.some((q) => q.isPending);
  return (
    <Page title={t.create.title} head={<p className="text-muted">{t.create.lead}</p>}>
      {error !== null && <Problem error={error} onRetry={() => void found.refetch()} />}
      {pending && error === null && (
        <>
          <Skeleton className="h-96" />
          <Skeleton className="h-48" />
        </>
      )}
      {!pending && error === null && makers.length === 0 && (
        <div className="card">
          <Empty icon={Clapperboard} title={t.create.none}>
            <p>{t.create.noneText([...preferred])}</p>
            <Copy text={t.create.noneCommand} />
            {some.map((p) => p.reason && <p key={p.name} className="break-words text-warn">{t.create.why(p.name, p.reason)}</p>)}
          </Empty>
        </div>
      )}
      {!pending && makers.length > 0 && <Making makers={makers} />}
    </Page>
  );
}

function Making({ makers }: { makers: readonly Maker[] }) {
  const search = route.useSearch();
  const go = useNavigate();
  const films = useRef<HTMLDivElement>(null);
  const [taken, setTaken] = useState<{ of: string; draft: Draft; times: number }>();
  const maker = makers.find((m) => m.of.name === search.with) ?? makers[0];
  if (maker === undefined) return null;
  const choose = (name: string): void => void go({ to: "/create", search: { with: name }, replace: true, resetScroll: false });
  const take = (from: Maker, inputs: Record<string, unknown>): void => {
    setTaken({ of: from.of.name, draft: draftOf(inputs, from.of.variables ?? []), times: (taken?.times ?? 0) + 1 });
    choose(from.of.name);
    toast(t.create.taken);
  };
  const mine = taken?.of === maker.of.name ? taken : undefined;
  return (
    <>
      <MakerForm key={`${maker.of.name} ${mine?.times ?? 0}`} maker={maker} makers={makers} taken={mine?.draft} given={search} onChoose={choose} onBegun={() => films.current?.scrollIntoView({ block: "nearest", behavior: "smooth" })} />
      <div ref={films}>
        <Films makers={makers} onTake={take} />
      </div>
    </>
  );
}
