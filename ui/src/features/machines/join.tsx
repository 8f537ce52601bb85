import { useMutation } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { useState } from "react";
import { clock } from "../../core/format.js";
import { api, ask } from "../../data/host.js";
import { Button } from "../../kit/button.js";
import { Copy } from "../../kit/copy.js";
import { Dialog } from "../../kit/dialog.js";
import { Skeleton } from "../../kit/empty.js";
import { Problem } from "../../kit/problem.js";
import { t } from "../../strings.js";

/** Join gives the command with which one more machine becomes an agent. It is asked for when somebody wants it: it lets a machine in. */
export function Join() {
  const [open, setOpen] = useState(false);
  const line = useMutation({ mutationFn: () => ask(api.POST("/api/v1/agents/join", { body: {} })) });
  return (
    <>
      <Button
        onClick={() => {
          setOpen(true);
          line.mutate();
        }}
      >
        <Plus size={15} aria-hidden />
        {t.machines.join}
      </Button>
      <Dialog open={open} onClose={() => setOpen(false)} title={t.machines.join}>
        <div className="grid grid-cols-1 gap-3">
          {line.error !== null ? (
            <Problem error={line.error} onRetry={() => line.mutate()} />
          ) : line.data === undefined ? (
            <Skeleton className="h-8" />
          ) : (
            <>
              <p className="text-muted">{t.machines.joinText}</p>
              <Copy text={line.data.command} />
              <p className="text-small text-muted">{t.machines.joinUntil(clock(line.data.expires))}</p>
            </>
          )}
        </div>
      </Dialog>
    </>
  );
}
