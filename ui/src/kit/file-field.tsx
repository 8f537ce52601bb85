import { Plus, Upload as UploadIcon, X } from "lucide-react";
import { useId, useState, type DragEvent } from "react";
import { percent, size } from "../core/format.js";
import { artifactURL, mediaKind, thumbnailURL, type Artifact } from "../core/values.js";
import { t } from "../strings.js";
import { Button, IconButton } from "./button.js";
import { Thumbnail } from "./media.js";
import { toldBy } from "./problem.js";
import { Progress } from "./progress.js";

interface FileFieldProps {
  label: string;
  /** What stands behind the label: whether it has to be given. */
  note?: string | undefined;
  help?: string | undefined;
  /** What is wrong with what was given. */
  error?: string | undefined;
  accept?: readonly string[] | undefined;
  /** many: it holds a list; else what is given takes the place of what is there. */
  many?: boolean;
  files: readonly Artifact[];
  /** What stands in the empty field. */
  hint?: string;
  onChange: (files: Artifact[]) => void;
  /** Files on their way, and what has become of the last ones. */
  upload: { send: (files: File[]) => void; now: { name: string; fraction: number } | undefined; error: Error | null; cancel: () => void };
  /** refuses says why a file is not taken; it is not sent then. */
  refuses: (file: File) => string | undefined;
}

/** FileField takes files by drop or choice, says how far they are, and shows them. */
export function FileField({ label, note, help, error, accept, many = false, files, hint = many ? t.upload.dropMany : t.upload.drop, onChange, upload, refuses }: FileFieldProps) {
  const id = useId();
  const [refused, setRefused] = useState<string>();
  const take = (given: File[]): void => {
    const some = many ? given : given.slice(0, 1);
    if (some.length === 0 || upload.now !== undefined) return;
    const why = some.map(refuses).find((x) => x !== undefined);
    setRefused(why);
    if (why === undefined) upload.send(some);
  };
  const told = upload.error === null ? undefined : toldBy(upload.error);
  const wrong = refused ?? (told === undefined ? undefined : [told.detail ?? told.title, told.fix].filter(Boolean).join(". ")) ?? error;
  const without = (at: number): void => onChange(files.filter((_, i) => i !== at));
  const empty = files.length === 0;
  return (
    <Drop className="grid min-w-0 grid-cols-1 content-start gap-1" onFiles={take}>
      {(over) => (
        <div role="group" aria-labelledby={`${id}-name`} className="contents">
          <span id={`${id}-name`} className="font-medium">
            {label}
            {note !== undefined && <span className="text-muted">{` · ${note}`}</span>}
          </span>
          {many && !empty && (
            <ul className="grid grid-cols-2 gap-2 sm:grid-cols-3">
              {files.map((f, i) => (
                <li key={`${f.digest} ${i}`} className="card relative min-w-0 overflow-hidden">
                  <Thumbnail artifact={f} small />
                  <span className="flex items-center gap-1 pl-2">
                    <span className="min-w-0 grow truncate text-small font-medium" title={f.name}>
                      {f.name}
                    </span>
                    <IconButton label={t.launch.removeOf(f.name)} onClick={() => without(i)}>
                      <X size={15} />
                    </IconButton>
                  </span>
                </li>
              ))}
            </ul>
          )}
          {!many && files[0] !== undefined && upload.now === undefined && <Given artifact={files[0]} over={over} onRemove={() => without(0)} label={label} />}
          {upload.now !== undefined ? (
            <div className="grid min-h-20 content-center gap-2 rounded-lg border border-dashed border-edge bg-bg px-4 py-3">
              <Progress fraction={upload.now.fraction} label={upload.now.name} />
              <span className="flex items-center gap-2 text-small text-muted" role="status">
                <span className="min-w-0 grow truncate">{t.upload.under(upload.now.name, percent(upload.now.fraction))}</span>
                <Button look="quiet" onClick={upload.cancel}>
                  {t.upload.cancel}
                </Button>
              </span>
            </div>
          ) : (
            (many || empty) && (
              <label
                className={`flex cursor-pointer items-center justify-center gap-3 rounded-lg border border-dashed p-4 text-center focus-within:outline-2 focus-within:outline-offset-2 focus-within:outline-accent ${empty ? "min-h-20" : "min-h-11"} ${over ? "border-accent bg-tint" : wrong ? "border-bad" : "border-edge bg-bg hover:bg-raised"}`}
              >
                {empty ? <UploadIcon size={16} className="shrink-0 text-muted" aria-hidden /> : <Plus size={16} className="shrink-0 text-muted" aria-hidden />}
                <span className="text-muted">{empty ? hint : t.upload.more}</span>
                <input
                  type="file"
                  className="sr-only"
                  aria-label={label}
                  aria-describedby={`${id}-note`}
                  aria-invalid={wrong !== undefined || undefined}
                  multiple={many}
                  accept={(accept ?? []).join(",")}
                  onChange={(e) => {
                    take([...(e.currentTarget.files ?? [])]);
                    e.currentTarget.value = ""; // the same file may be chosen again
                  }}
                />
              </label>
            )
          )}
          <p id={`${id}-note`} role={wrong === undefined ? undefined : "alert"} className={wrong === undefined ? "text-small text-muted" : "text-small break-words text-bad"}>
            {wrong ?? help}
          </p>
        </div>
      )}
    </Drop>
  );
}

/** Drop is a place where files may be let go; what is in it is told whether some are above it. */
export function Drop({ onFiles, children, className = "" }: { onFiles: (files: File[]) => void; children: (over: boolean) => React.ReactNode; className?: string }) {
  const [over, setOver] = useState(0); // how many of the things in it the pointer is above
  const drop = (e: DragEvent): void => {
    e.preventDefault();
    setOver(0);
    onFiles([...e.dataTransfer.files]);
  };
  return (
    <div className={className} onDragOver={(e) => e.preventDefault()} onDragEnter={() => setOver((n) => n + 1)} onDragLeave={() => setOver((n) => Math.max(0, n - 1))} onDrop={drop}>
      {children(over > 0)}
    </div>
  );
}

/** Given is the one file that a field holds: seen, or heard, and taken away. */
function Given({ artifact: a, over, label, onRemove }: { artifact: Artifact; over: boolean; label: string; onRemove: () => void }) {
  const [whole, setWhole] = useState(false); // there is no small picture of it
  const [unseen, setUnseen] = useState(false);
  const kind = mediaKind(a.mediaType);
  return (
    <div className={`card min-w-0 overflow-hidden ${over ? "border-accent" : ""}`}>
      {(kind === "image" || kind === "video") && !unseen && (
        <img
          key={`${whole}`}
          src={whole ? artifactURL(a) : thumbnailURL(a, 640)}
          alt={a.name}
          onError={() => (whole || kind === "video" ? setUnseen(true) : setWhole(true))}
          className="h-44 w-full bg-raised object-contain"
        />
      )}
      {kind === "audio" && <audio src={artifactURL(a)} controls preload="metadata" aria-label={a.name} className="block w-full bg-raised p-2" />}
      <div className="flex items-center gap-2 py-1 pr-1 pl-3">
        <a href={artifactURL(a)} target="_blank" rel="noreferrer" title={a.name} className="min-w-0 grow truncate rounded-sm font-medium hover:underline">
          {a.name}
        </a>
        <span className="shrink-0 text-small text-muted">{size(a.size)}</span>
        <IconButton label={t.launch.removeOf(label)} onClick={onRemove}>
          <X size={16} />
        </IconButton>
      </div>
    </div>
  );
}
