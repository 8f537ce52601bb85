import { CircleX } from "lucide-react";
import { t } from "../strings.js";
import { Button } from "./button.js";

/** What went wrong, as the host says it (RFC 9457). */
export interface Told {
  title: string;
  detail?: string;
  fix?: string;
}

/** toldBy makes an error what is said of it; the host's problems say it themselves. */
export function toldBy(error: unknown): Told {
  if (typeof error === "object" && error !== null) {
    if ("problem" in error) return error.problem as Told;
    if ("title" in error) return error as Told;
    if (error instanceof Error) return { title: error.message };
  }
  return { title: String(error) };
}

/** Problem says what happened, to what, and what to do next. */
export function Problem({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const { title, detail, fix } = toldBy(error);
  return (
    <div role="alert" className="flex gap-3 rounded-lg border border-line bg-bad-tint p-4">
      <CircleX size={16} className="mt-[2px] shrink-0 text-bad" aria-hidden />
      <div className="grid min-w-0 gap-1">
        <p className="font-medium break-words">{detail ?? title}</p>
        {fix !== undefined && fix !== "" && <p className="break-words text-muted">{fix}</p>}
        {onRetry !== undefined && (
          <Button className="mt-2 justify-self-start" onClick={onRetry}>
            {t.retry}
          </Button>
        )}
      </div>
    </div>
  );
}
