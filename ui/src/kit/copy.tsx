import { Check, Copy as CopyIcon } from "lucide-react";
import { useEffect, useState } from "react";
import { t } from "../strings.js";

/** Copy is a text that is taken elsewhere, such as a command or an id. */
export function Copy({ text, className = "" }: { text: string; className?: string }) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return;
    const timer = setTimeout(() => setDone(false), 1500);
    return () => clearTimeout(timer);
  }, [done]);
  const Icon = done ? Check : CopyIcon;
  return (
    <button
      type="button"
      aria-label={`${t.copy}: ${text}`}
      onClick={() => void navigator.clipboard.writeText(text).then(() => setDone(true))}
      className={`inline-flex max-w-full items-center gap-2 rounded-md border border-line bg-raised px-2 py-1 text-left font-mono text-small text-ink hover:border-edge ${className}`}
    >
      <span className="min-w-0 truncate">{text}</span>
      <Icon size={13} className={done ? "shrink-0 text-good" : "shrink-0 text-muted"} aria-hidden />
      <span role="status" className="sr-only">
        {done ? t.copied : ""}
      </span>
    </button>
  );
}
