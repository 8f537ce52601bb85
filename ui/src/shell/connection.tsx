import { useLinkState } from "../data/live.js";
import { t } from "../strings.js";

const colours = { idle: "bg-good", live: "bg-good", connecting: "bg-warn", waiting: "bg-warn", out: "bg-bad" };

/** Connection says whether what is seen is what is. */
export function Connection() {
  const state = useLinkState();
  return (
    <p role="status" className="flex grow items-center gap-2 px-2 text-small text-muted">
      <span className={`size-2 rounded-full ${colours[state]} ${state === "live" ? "" : "animate-breathe"}`} aria-hidden />
      {t.link[state]}
    </p>
  );
}
