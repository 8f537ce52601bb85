import { useQuery } from "@tanstack/react-query";
import type { Run } from "../../core/fold.js";
import { api, ask } from "../../data/host.js";
import { Section } from "../../kit/page.js";
import { Spent } from "../../kit/spent.js";
import { t } from "../../strings.js";

/** RunBill is what the run has used so far. Whose bill one may not see, and of what has used nothing, has no place. */
export function RunBill({ run }: { run: Run }) {
  const ended = (run.nodes ?? []).filter((n) => n.ended !== undefined).length;
  const bill = useQuery({
    queryKey: ["bill", "run", run.id, run.state, ended],
    queryFn: () => ask(api.GET("/api/v1/runs/{id}/bill", { params: { path: { id: run.id } } })),
    placeholderData: (before) => before,
  });
  const b = bill.data;
  if (b === undefined || b.lines.length === 0) return null;
  return (
    <Section title={t.bill.ofRun} aside={<span className="text-small text-muted">{b.imported ? t.bill.imported : b.ended ? "" : t.bill.goesOn}</span>}>
      <Spent spent={b.total} currency={b.currency} />
    </Section>
  );
}
