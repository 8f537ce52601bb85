import { useMutation } from "@tanstack/react-query";
import { CirclePlay, CircleStop, Pause } from "lucide-react";
import { useState } from "react";
import { hasEnded, type Run } from "../../core/fold.js";
import { api, ask, link } from "../../data/host.js";
import { Button } from "../../kit/button.js";
import { Dialog } from "../../kit/dialog.js";
import { toast, toastProblem } from "../../kit/toast.js";
import { t } from "../../strings.js";

type Word = "pause" | "resume" | "cancel";

/** useWord says something to a run; what becomes of it comes over the link. */
function useWord(id: string) {
  return useMutation({
    mutationFn: (word: Word) => {
      const to = { params: { path: { id } }, body: {} };
      switch (word) {
        case "pause":
          return ask(api.POST("/api/v1/runs/{id}/pause", to));
        case "resume":
          return ask(api.POST("/api/v1/runs/{id}/resume", to));
        case "cancel":
          return ask(api.POST("/api/v1/runs/{id}/cancel", to));
      }
    },
    onSuccess: () => link.again(id), // one that had ended is followed again
    onError: toastProblem,
  });
}

/** Actions are what may be said to the run as it is. */
export function Actions({ run }: { run: Run }) {
  const word = useWord(run.id);
  const [sure, setSure] = useState(false);
  const resumes = run.state === "paused" || run.state === "failed" || run.state === "cancelled" || run.interrupted === true;
  const stop = (): void => {
    setSure(false);
    word.mutate("cancel", { onSuccess: () => toast(t.run.stopping) });
  };
  return (
    <>
      {run.state === "running" && !run.interrupted && (
        <Button busy={word.isPending} onClick={() => word.mutate("pause", { onSuccess: () => toast(t.run.pausing, () => word.mutate("resume")) })}>
          <Pause size={15} aria-hidden />
          {t.run.pause}
        </Button>
      )}
      {resumes && (
        <Button look="fill" busy={word.isPending} onClick={() => word.mutate("resume")}>
          <CirclePlay size={15} aria-hidden />
          {t.run.resume}
        </Button>
      )}
      {!hasEnded(run.state) && (
        <Button look="danger" busy={word.isPending} onClick={() => setSure(true)}>
          <CircleStop size={15} aria-hidden />
          {t.run.stop}
        </Button>
      )}
      <Dialog
        open={sure}
        onClose={() => setSure(false)}
        title={t.run.stopTitle}
        actions={
          <>
            <Button onClick={() => setSure(false)}>{t.run.keep}</Button>
            <Button look="danger" onClick={stop}>
              {t.run.stop}
            </Button>
          </>
        }
      >
        <p className="text-muted">{t.run.stopText}</p>
      </Dialog>
    </>
  );
}
