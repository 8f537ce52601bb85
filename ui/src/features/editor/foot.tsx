import { CircleCheck, CircleX, Keyboard, LoaderCircle, Unplug } from "lucide-react";
import { useState } from "react";
import type { LspState, Position } from "../../core/lsp.js";
import { Button } from "../../kit/button.js";
import { Dialog } from "../../kit/dialog.js";
import { t } from "../../strings.js";

interface FootProps {
  link: { state: LspState; why: string };
  /** How many things are wrong. */
  problems: number;
  cursor: Position;
  onAgain: () => void;
}

/** Foot says how the text is, whether it is looked at, and where the cursor stands. */
export function Foot({ link, problems, cursor, onAgain }: FootProps) {
  const [keys, setKeys] = useState(false);
  const live = link.state === "live";
  const [Icon, colour] = live ? (problems === 0 ? [CircleCheck, "text-good"] : [CircleX, "text-bad"]) : link.state === "connecting" ? [LoaderCircle, "text-muted animate-turn"] : [Unplug, "text-warn"];
  return (
    <>
      <div className="flex min-h-9 shrink-0 flex-wrap items-center gap-x-4 border-t border-line pr-1 pl-4 text-muted">
        <span role="status" className="flex min-w-0 items-center gap-2">
          <Icon size={15} className={`shrink-0 ${colour}`} aria-hidden />
          <span className="min-w-0 break-words">{live ? t.editor.count(problems) : link.why || t.editor.link[link.state]}</span>
        </span>
        {(link.state === "waiting" || link.state === "refused") && (
          <Button look="quiet" onClick={onAgain}>
            {t.retry}
          </Button>
        )}
        <span className="ml-auto">{t.editor.at(cursor.line + 1, cursor.character + 1)}</span>
        <Button look="quiet" onClick={() => setKeys(true)}>
          <Keyboard size={15} aria-hidden />
          {t.editor.keys}
        </Button>
      </div>
      <Dialog open={keys} onClose={() => setKeys(false)} title={t.editor.keys}>
        <dl className="grid grid-cols-[auto_1fr] gap-x-6 gap-y-2">
          {t.editor.keyList.map(([key, does]) => (
            <div key={key} className="contents">
              <dt>
                <kbd className="rounded-sm bg-raised px-2 py-[2px] font-sans text-small font-medium">{key}</kbd>
              </dt>
              <dd className="text-muted">{does}</dd>
            </div>
          ))}
        </dl>
      </Dialog>
    </>
  );
}
