import { Upload, X } from "lucide-react";
import { useMutation } from "@tanstack/react-query";
import { useId, useState, type DragEvent } from "react";
import { size } from "../../core/format.js";
import { refuses, type Variable } from "../../core/launch.js";
import { artifactURL, asArtifact, mediaKind, type Artifact } from "../../core/values.js";
import { api, ask } from "../../data/host.js";
import { Button } from "../../kit/button.js";
import { FileRow, Thumbnail } from "../../kit/media.js";
import { toldBy } from "../../kit/problem.js";
import { t } from "../../strings.js";

interface FileFieldProps {
  variable: Variable;
  file: Artifact | undefined;
  error: string | undefined;
  onChange: (file: Artifact | undefined) => void;
}

/** FileField takes a file by drop or choice, stores it at the host, and shows it. */
export function FileField({ variable: v, file, error, onChange }: FileFieldProps) {
  const id = useId();
  const [over, setOver] = useState(false);
  const [refused, setRefused] = useState<string>();
  const upload = useMutation({
    mutationFn: (f: File) =>
      ask(api.POST("/api/v1/artifacts", { params: { query: { name: f.name } }, body: "", bodySerializer: () => f, headers: { "Content-Type": "application/octet-stream" } })),
    onSuccess: (stored) => onChange(asArtifact(stored.artifact)),
  });
  const take = (f: File | undefined): void => {
    if (f === undefined || upload.isPending) return;
    const why = refuses(v, f);
    setRefused(why === undefined ? undefined : why === "size" ? t.launch.tooLarge(size(v.max_size ?? 0)) : t.launch.wrongKind((v.accept ?? []).join(", ")));
    if (why === undefined) upload.mutate(f);
  };
  const drop = (e: DragEvent): void => {
    e.preventDefault();
    setOver(false);
    take(e.dataTransfer.files[0]);
  };
  const told = upload.error === null ? undefined : toldBy(upload.error);
  const wrong = refused ?? (told === undefined ? undefined : (told.detail ?? told.title)) ?? error;
  const kind = file === undefined ? "file" : mediaKind(file.mediaType);
  return (
    <div className="grid gap-1" role="group" aria-labelledby={`${id}-name`} onDragOver={(e) => (e.preventDefault(), setOver(true))} onDragLeave={() => setOver(false)} onDrop={drop}>
      <span id={`${id}-name`} className="font-medium">
        {v.name}
        {v.required && <span className="text-muted">{` · ${t.launch.required}`}</span>}
      </span>
      {file === undefined ? (
        <label className={`flex min-h-20 cursor-pointer items-center justify-center gap-3 rounded-lg border border-dashed p-4 text-center focus-within:outline-2 focus-within:outline-offset-2 focus-within:outline-accent ${over ? "border-accent bg-tint" : wrong ? "border-bad" : "border-edge bg-bg hover:bg-raised"}`}>
          <Upload size={16} className="shrink-0 text-muted" aria-hidden />
          <span className="text-muted">{upload.isPending ? t.launch.uploading : t.launch.drop}</span>
          <input type="file" className="sr-only" aria-label={v.name} aria-describedby={`${id}-note`} accept={(v.accept ?? []).join(",")} disabled={upload.isPending} onChange={(e) => take(e.currentTarget.files?.[0])} />
        </label>
      ) : (
        <div className="card grid gap-2 overflow-hidden p-2">
          {(kind === "image" || kind === "video") && (
            <div className="max-w-64 overflow-hidden rounded-md">
              <Thumbnail artifact={file} />
            </div>
          )}
          {kind === "audio" && <audio src={artifactURL(file)} controls preload="metadata" aria-label={file.name} className="w-full" />}
          <div className="flex flex-wrap items-center gap-2">
            <div className="min-w-0 grow">
              <FileRow artifact={file} />
            </div>
            <Button look="quiet" onClick={() => onChange(undefined)} aria-label={t.launch.removeOf(v.name)}>
              <X size={15} aria-hidden />
              {t.launch.remove}
            </Button>
          </div>
        </div>
      )}
      <p id={`${id}-note`} className={wrong === undefined ? "text-small text-muted" : "text-small text-bad"}>
        {wrong ?? v.description}
      </p>
    </div>
  );
}
