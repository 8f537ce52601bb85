import { useMemo } from "react";
import { around, difference } from "../../core/diff.js";
import { Button } from "../../kit/button.js";
import { Dialog } from "../../kit/dialog.js";
import { t } from "../../strings.js";

interface ConflictProps {
  /** The file as it is now; undefined: it is gone. */
  theirs: string | undefined;
  mine: string;
  busy: boolean;
  onTake: () => void;
  onKeep: () => void;
  onClose: () => void;
}

/** Conflict asks which of two texts is to stay, and shows where they differ. */
export function Conflict({ theirs, mine, busy, onTake, onKeep, onClose }: ConflictProps) {
  const lines = useMemo(() => (theirs === undefined ? [] : around(difference(theirs, mine), 2)), [theirs, mine]);
  return (
    <Dialog
      open
      onClose={onClose}
      title={theirs === undefined ? t.editor.gone : t.editor.conflict}
      className="w-[min(46rem,calc(100vw-2rem))]"
      actions={
        <>
          {theirs !== undefined && <Button onClick={onTake}>{t.editor.take}</Button>}
          <Button look="fill" busy={busy} onClick={onKeep}>
            {t.editor.keep}
          </Button>
        </>
      }
    >
      <p className="text-muted">{theirs === undefined ? t.editor.goneText : t.editor.conflictText}</p>
      {lines.length > 0 && (
        <pre tabIndex={0} aria-label={t.editor.differences} className="mt-3 max-h-[50vh] overflow-auto rounded-md border border-line py-2 font-mono text-small">
          {lines.map((line, i) =>
            line === null ? (
              <span key={i} className="block px-3 text-faint">
                ⋯
              </span>
            ) : (
              <span key={i} className={`block min-h-4 px-3 ${line.in === "before" ? "bg-bad-tint text-bad" : line.in === "after" ? "bg-tint text-accent" : ""}`}>
                <span className="sr-only">{t.editor.side[line.in]}</span>
                <span aria-hidden className="select-none">{{ before: "− ", after: "+ ", both: "  " }[line.in]}</span>
                {line.text}
              </span>
            ),
          )}
        </pre>
      )}
    </Dialog>
  );
}
