import type { Node } from "../../core/fold.js";
import { asArtifact } from "../../core/values.js";
import { nodeOf, type LiveRun } from "../../data/live.js";
import { Thumbnail } from "../../kit/media.js";
import { Progress } from "../../kit/progress.js";
import { t } from "../../strings.js";

/** Says is what a node that runs says now: how far it is, its words as they come (a model's answer, too), and the picture so far. */
export function Says({ node, live }: { node: Node; live: LiveRun }) {
  if (node.state !== "running") return null;
  const said = live.newest.get(node.at);
  const preview = asArtifact(live.reports.findLast((r) => r.preview !== undefined && nodeOf(r.address) === node.at)?.preview);
  return (
    <div className="grid gap-3">
      <Progress fraction={said?.fraction !== undefined && said.fraction >= 0 ? said.fraction : undefined} label={node.at} />
      {said?.message && <p className="max-h-32 overflow-hidden break-words text-muted">{said.message}</p>}
      {preview !== undefined && (
        <figure aria-label={t.run.preview} className="max-w-96 overflow-hidden rounded-md">
          <Thumbnail artifact={preview} width={960} />
        </figure>
      )}
    </div>
  );
}
