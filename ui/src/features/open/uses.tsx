import { useQueries, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ArrowRight, Clapperboard, Workflow } from "lucide-react";
import type { ReactNode } from "react";
import { askedOf, preferred } from "../../core/create.js";
import { placeFor } from "../../core/launch.js";
import type { Artifact } from "../../core/values.js";
import { pipeline, pipelines } from "../../data/host.js";
import { Skeleton } from "../../kit/empty.js";
import { Section } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { t } from "../../strings.js";

/** Uses are the pipelines that take such a file: each opens its form with the file in it. Create comes first. */
export function Uses({ artifact: a }: { artifact: Artifact }) {
  const found = useQuery(pipelines);
  const names = (found.data?.pipelines ?? []).filter((p) => p.state === "ready").map((p) => p.name);
  const whole = useQueries({ queries: names.map(pipeline) });
  const fit = whole.flatMap(({ data: of }) => {
    const v = of === undefined ? undefined : placeFor(of.variables ?? [], a.mediaType);
    return of === undefined || v === undefined ? [] : [{ of, as: v.name }];
  });
  const makers = preferred.flatMap((name) => fit.find(({ of, as }) => of.name === name && Object.values(askedOf(of.variables ?? []) ?? {}).some((v) => v?.name === as)) ?? []);
  const given = { file: a.digest, name: a.name };
  const error = found.error ?? whole.find((q) => q.error !== null)?.error ?? null;
  const pending = found.isPending || whole.some((q) => q.isPending);
  return (
    <Section title={t.open.uses}>
      {error !== null && <Problem error={error} onRetry={() => void found.refetch()} />}
      {pending && error === null && <Skeleton className="h-32" />}
      {!pending && error === null && fit.length === 0 && <p className="card px-4 py-3 text-muted">{t.open.useless}</p>}
      {!pending && fit.length > 0 && (
        <ul className="card divide-y divide-line overflow-hidden">
          {makers.map(({ of, as }) => (
            <li key={`create ${of.name}`}>
              <Link to="/create" search={{ ...given, with: of.name }} className={row}>
                <Row icon={<Clapperboard size={16} className="shrink-0 text-accent" aria-hidden />} title={t.open.create(of.name)} text={of.description ?? ""} as={as} />
              </Link>
            </li>
          ))}
          {fit.map(({ of, as }) => (
            <li key={of.name}>
              <Link to="/pipelines/$name" params={{ name: of.name }} search={given} className={row}>
                <Row icon={<Workflow size={16} className="shrink-0 text-muted" aria-hidden />} title={of.name} text={of.description ?? ""} as={as} />
              </Link>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

const row = "flex items-center gap-3 px-4 py-3 -outline-offset-2 hover:bg-raised";

function Row({ icon, title, text, as }: { icon: ReactNode; title: string; text: string; as: string }) {
  return (
    <>
      {icon}
      <span className="grid min-w-0 grow">
        <span className="truncate font-medium" title={title}>
          {title}
        </span>
        <span className="line-clamp-2 break-words text-muted">{text}</span>
      </span>
      <span className="max-w-[40%] shrink-0 truncate text-small text-muted max-sm:hidden">{t.open.as(as)}</span>
      <ArrowRight size={16} className="shrink-0 text-muted" aria-hidden />
    </>
  );
}
