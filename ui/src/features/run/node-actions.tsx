import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { CircleStop, RotateCcw } from "lucide-react";
import { useState } from "react";
import { hasEnded, type Node, type Run } from "../../core/fold.js";
import { api, ask } from "../../data/host.js";
import { Button } from "../../kit/button.js";
import { Dialog } from "../../kit/dialog.js";
import { toast, toastProblem } from "../../kit/toast.js";
import { t } from "../../strings.js";

/** NodeActions are what may be done with one node: a new run that begins there, or its end. */
export function NodeActions({ run, node }: { run: Run; node: Node }) {
  const go = useNavigate();
  const [sure, setSure] = useState(false);
  const rerun = useMutation({
    mutationFn: () => ask(api.POST("/api/v1/runs", { body: { pipeline: {}, rerun: { of: run.id, from: [node.at] } } })),
    onSuccess: (made) => {
      toast(t.run.rerunning);
      void go({ to: "/runs/$id", params: { id: made.id } });
    },
    onError: toastProblem,
  });
  const stop = useMutation({
    mutationFn: () => ask(api.POST("/api/v1/runs/{id}/cancel", { params: { path: { id: run.id } }, body: { at: node.at } })),
    onError: toastProblem,
  });
  return (
    <div className="flex flex-wrap gap-2">
      {hasEnded(run.state) && (
        <Button busy={rerun.isPending} onClick={() => rerun.mutate()}>
          <RotateCcw size={15} aria-hidden />
          {t.run.rerun}
        </Button>
      )}
      {!hasEnded(run.state) && node.started && !hasEnded(node.state) && node.state !== "cancelling" && (
        <Button look="danger" busy={stop.isPending} onClick={() => setSure(true)}>
          <CircleStop size={15} aria-hidden />
          {t.run.stopNode}
        </Button>
      )}
      <Dialog
        open={sure}
        onClose={() => setSure(false)}
        title={t.run.stopNodeTitle}
        actions={
          <>
            <Button onClick={() => setSure(false)}>{t.run.keepNode}</Button>
            <Button
              look="danger"
              onClick={() => {
                setSure(false);
                stop.mutate();
              }}
            >
              {t.run.stopNode}
            </Button>
          </>
        }
      >
        <p className="break-words text-muted">{t.run.stopNodeText(node.at)}</p>
      </Dialog>
    </div>
  );
}
