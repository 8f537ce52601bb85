import { t } from "../strings.js";
import { Copy } from "./copy.js";

/** NeedsAdmin stands where an admin could do more than who looks at it, and says how one becomes an admin. */
export function NeedsAdmin({ what }: { what: string }) {
  return (
    <aside className="grid grid-cols-1 justify-items-start gap-2 border-t first:border-t-0 first:pt-0 border-line pt-4 text-small text-muted">
      <p className="max-w-[44rem]">{`${what} ${t.admin.how}`}</p>
      <Copy text={t.admin.command} />
    </aside>
  );
}
