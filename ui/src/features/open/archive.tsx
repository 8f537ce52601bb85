import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { ArrowRight, PackageOpen } from "lucide-react";
import type { ReactNode } from "react";
import type { Schemas } from "../../api/client.js";
import { date, size } from "../../core/format.js";
import type { Artifact } from "../../core/values.js";
import { api, ask, ProblemError, queries } from "../../data/host.js";
import { Button, buttonClass } from "../../kit/button.js";
import { Skeleton } from "../../kit/empty.js";
import { Section } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { Badge, State } from "../../kit/state.js";
import { toast } from "../../kit/toast.js";
import { t } from "../../strings.js";
import { Uses } from "./uses.js";

/** Archive is a run that another host exported: what is in it, and the way into this host. Any other archive is a file like others. */
export function Archive({ artifact: a }: { artifact: Artifact }) {
  const found = useQuery({
    queryKey: ["archive", a.digest],
    retry: false,
    queryFn: () => ask(api.POST("/api/v1/imports/run", { params: { query: { artifact: a.digest, look: "true" } } })),
  });
  if (found.isPending) return <Skeleton className="h-64" />;
  if (found.data !== undefined) return <Found key={a.digest} digest={a.digest} found={found.data} />;
  const refused = found.error instanceof ProblemError && found.error.problem.code === "unsupported";
  return (
    <>
      <Problem error={found.error} {...(refused ? {} : { onRetry: () => void found.refetch() })} />
      {refused && <Uses artifact={a} />}
    </>
  );
}

function Found({ digest, found: { archive: run, there } }: { digest: string; found: Schemas["ImportedRun"] }) {
  const go = useNavigate();
  const take = useMutation({
    mutationFn: () => ask(api.POST("/api/v1/imports/run", { params: { query: { artifact: digest } } })),
    async onSuccess({ archive, there }) {
      toast(there ? t.archive.already : t.archive.done(archive.host));
      await queries.invalidateQueries({ queryKey: ["runs"] });
      void go({ to: "/runs/$id", params: { id: archive.run } });
    },
  });
  return (
    <Section title={t.archive.title}>
      <div className="card grid grid-cols-1 overflow-hidden">
        <div className="grid grid-cols-1 items-start gap-6 p-4 md:grid-cols-2 md:p-6">
          <div className="grid content-start gap-4">
            <p className="flex flex-wrap items-center gap-x-3 gap-y-1">
              <span className="text-lead break-all">{run.pipeline}</span>
              <State state={run.state} />
            </p>
            <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-2">
              <Fact name={t.archive.host}>{run.host}</Fact>
              <Fact name={t.archive.ran}>{date(run.created)}</Fact>
              <Fact name={t.archive.made}>{date(run.made)}</Fact>
              <Fact name={t.archive.content}>{t.archive.events(run.events, run.artifacts, size(run.bytes))}</Fact>
              <Fact name={t.archive.run}>
                <span className="font-mono text-small break-all">{run.run}</span>
              </Fact>
            </dl>
            {run.withheld > 0 && <p className="text-muted">{t.archive.withheld(run.withheld)}</p>}
          </div>
          <Files run={run} />
        </div>
        {take.error !== null && (
          <div className="px-4 pb-4 md:px-6">
            <Problem error={take.error} />
          </div>
        )}
        <div className="flex flex-wrap items-center justify-end gap-x-4 gap-y-2 border-t border-line bg-bg px-4 py-3 md:px-6">
          <p className="min-w-0 grow text-muted">{there ? t.archive.already : t.archive.verified}</p>
          {there ? (
            <Link to="/runs/$id" params={{ id: run.run }} className={buttonClass("fill")}>
              {t.archive.open}
              <ArrowRight size={15} aria-hidden />
            </Link>
          ) : (
            <Button look="fill" busy={take.isPending} onClick={() => take.mutate()}>
              <PackageOpen size={15} aria-hidden />
              {take.isPending ? t.archive.importing : t.archive.import}
            </Button>
          )}
        </div>
      </div>
    </Section>
  );
}

const few = 8; // rows: more of them scroll

/** Files are those that the run calls by a name. */
function Files({ run }: { run: Schemas["RunArchive"] }) {
  const { files } = run;
  return (
    <div className="grid grid-cols-1 gap-1">
      <h3 className="flex items-center gap-2 font-medium">
        {t.archive.files}
        {files.length > 0 && <Badge>{files.length}</Badge>}
      </h3>
      {files.length === 0 ? (
        <p className="text-muted">{t.archive.noFiles}</p>
      ) : (
        <ul aria-label={t.archive.files} tabIndex={files.length > few ? 0 : undefined} className={`divide-y divide-line ${files.length > few ? "max-h-72 overflow-auto pr-2" : ""}`}>
          {files.map((f) => (
            <li key={f.digest} className="flex items-baseline gap-3 py-2">
              <span className="min-w-0 grow truncate" title={f.name}>
                {f.name}
              </span>
              <span className="w-32 shrink-0 truncate text-small text-muted max-sm:hidden">{f.media_type}</span>
              <span className="w-16 shrink-0 text-right text-small text-muted tabular-nums">{size(f.size)}</span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-muted">{name}</dt>
      <dd className="min-w-0 break-words">{children}</dd>
    </>
  );
}
