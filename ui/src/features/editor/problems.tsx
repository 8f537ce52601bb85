import { CircleX, TriangleAlert } from "lucide-react";
import type { Found } from "../../core/lsp.js";
import { t } from "../../strings.js";

interface ProblemsProps {
  /** The file that is open. */
  file: string;
  found: ReadonlyMap<string, readonly Found[]>;
  onGo: (of: Found) => void;
}

/** Problems lists what is wrong, in the open file first. What is in it leads there. */
export function Problems({ file, found, onGo }: ProblemsProps) {
  const files = [...found].filter(([, list]) => list.length > 0).sort(([a], [b]) => Number(b === file) - Number(a === file) || a.localeCompare(b));
  if (files.length === 0) return null;
  return (
    <ul aria-label={t.editor.problems} className="max-h-40 shrink-0 overflow-auto border-t border-line py-1">
      {files.flatMap(([name, list]) =>
        [...list]
          .sort((a, b) => a.range.start.line - b.range.start.line)
          .map((f, i) => (
            <li key={`${name} ${i}`}>
              <One found={f} where={name === file ? t.editor.line(f.range.start.line + 1) : t.editor.lineOf(name, f.range.start.line + 1)} {...(name === file ? { onGo: () => onGo(f) } : {})} />
            </li>
          )),
      )}
    </ul>
  );
}

function One({ found, where, onGo }: { found: Found; where: string; onGo?: () => void }) {
  const bad = found.severity === 1;
  const Icon = bad ? CircleX : TriangleAlert;
  const [summary = "", ...detail] = found.message.split("\n");
  const content = (
    <>
      <Icon size={15} className={`mt-[3px] shrink-0 ${bad ? "text-bad" : "text-warn"}`} role="img" aria-label={bad ? t.editor.error : t.editor.warning} />
      <span className="min-w-0 grow break-words">
        {summary} <span className="text-muted">{detail.join(" ")}</span>
      </span>
      <span className="shrink-0 text-muted">{where}</span>
    </>
  );
  const look = "flex w-full items-start gap-2 px-4 py-1 text-left -outline-offset-2";
  if (onGo === undefined) return <div className={look}>{content}</div>;
  return (
    <button type="button" onClick={onGo} className={`${look} hover:bg-raised pointer-coarse:py-3`}>
      {content}
    </button>
  );
}
