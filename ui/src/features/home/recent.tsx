import { useQueries, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ago } from "../../core/format.js";
import { resultsOf, type Artifact } from "../../core/values.js";
import { useBeginning } from "../../data/files.js";
import { run, runs } from "../../data/host.js";
import { useNow } from "../../data/live.js";
import { Thumbnail } from "../../kit/media.js";
import { Section } from "../../kit/page.js";
import { t } from "../../strings.js";

const shown = 8;

/** Recent is what the last runs have made. */
export function Recent() {
  const done = useQuery(runs("succeeded", shown)).data?.runs ?? [];
  const whole = useQueries({ queries: done.map((r) => run(r.id)) });
  const now = useNow(true, 30_000);
  const results = whole.flatMap(({ data: r }) => {
    const artifact = r === undefined ? undefined : resultsOf(r.outputs)[0];
    return r === undefined || artifact === undefined ? [] : [{ r, artifact }];
  });
  return (
    <Section title={t.home.recent}>
      {results.length === 0 && whole.every((q) => !q.isPending) && <p className="card px-4 py-3 text-muted">{t.home.noResults}</p>}
      <ul className="grid grid-cols-2 gap-3 md:grid-cols-3 lg:grid-cols-4">
        {results.map(({ r, artifact }) => (
          <li key={r.id} className="min-w-0">
            <Link to="/runs/$id" params={{ id: r.id }} className="card group block overflow-hidden hover:border-edge">
              <Result artifact={artifact} />
              <span className="grid px-3 py-2">
                <span className="truncate font-medium">{r.pipeline}</span>
                <span className="flex justify-between gap-2 text-small text-muted">
                  <span className="truncate">{artifact.name}</span>
                  <span className="shrink-0">{ago(r.updated, now)}</span>
                </span>
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </Section>
  );
}

function Result({ artifact }: { artifact: Artifact }) {
  return <Thumbnail artifact={artifact} words={useBeginning(artifact)} />;
}
