import { CircleX } from "lucide-react";
import { sentence } from "../core/format.js";
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

/** Problem says what happened, to what, and what to do next; instead is another way to what was wanted. */
export function Problem({ error, onRetry, instead }: { error: unknown; onRetry?: () => void; instead?: { title: string; onClick: () => void } }) {
  const { title, detail, fix } = toldBy(error);
  return (
    <div role="alert" className="flex gap-3 rounded-lg border border-line bg-bad-tint p-4">
      <CircleX size={16} className="mt-[2px] shrink-0 text-bad" aria-hidden />
      <div className="grid min-w-0 gap-1">
        <p className="font-medium break-words">{sentence(detail ?? title)}</p>
        {fix !== undefined && fix !== "" && <p className="break-words text-muted">{sentence(fix)}</p>}
        {(onRetry ?? instead) !== undefined && (
          <div className="mt-2 flex flex-wrap gap-2">
            {instead !== undefined && <Button onClick={instead.onClick}>{instead.title}</Button>}
            {onRetry !== undefined && <Button onClick={onRetry}>{t.retry}</Button>}
          </div>
        )}
      </div>
    </div>
  );
}
