import { useMutation } from "@tanstack/react-query";
import { Upload, X } from "lucide-react";
import { useId, useState, type DragEvent } from "react";
import { asArtifact, type Artifact } from "../../core/values.js";
import { Button } from "../../kit/button.js";
import { FileRow } from "../../kit/media.js";
import { toldBy } from "../../kit/problem.js";
import { t } from "../../strings.js";
import { upload } from "./queries.js";

interface FileFieldProps {
  label: string;
  /** What it may be, as browsers write that; anything without it. */
  accept?: string;
  file: Artifact | undefined;
  error?: string | undefined;
  onChange: (file: Artifact | undefined) => void;
}

/** FileField takes a file by drop or choice, and stores it at the host. */
export function FileField({ label, accept, file, error, onChange }: FileFieldProps) {
  const id = useId();
  const [over, setOver] = useState(false);
  const stored = useMutation({ mutationFn: upload, onSuccess: (made) => onChange(asArtifact(made.artifact)) });
  const take = (f: File | undefined): void => {
    if (f !== undefined && !stored.isPending) stored.mutate(f);
  };
  const drop = (e: DragEvent): void => {
    e.preventDefault();
    setOver(false);
    take(e.dataTransfer.files[0]);
  };
  const told = stored.error === null ? undefined : toldBy(stored.error);
  const wrong = told === undefined ? error : (told.detail ?? told.title);
  return (
    <div role="group" aria-labelledby={`${id}-name`} className="grid grid-cols-1 gap-1" onDragOver={(e) => (e.preventDefault(), setOver(true))} onDragLeave={() => setOver(false)} onDrop={drop}>
      <span id={`${id}-name`} className="font-medium">
        {label}
      </span>
      {file === undefined ? (
        <label className={`flex min-h-14 cursor-pointer items-center justify-center gap-3 rounded-lg border border-dashed p-4 text-center focus-within:outline-2 focus-within:outline-offset-2 focus-within:outline-accent ${over ? "border-accent bg-tint" : wrong ? "border-bad" : "border-edge bg-bg hover:bg-raised"}`}>
          <Upload size={16} className="shrink-0 text-muted" aria-hidden />
          <span className="text-muted">{stored.isPending ? t.launch.uploading : t.launch.drop}</span>
          <input type="file" className="sr-only" accept={accept} aria-label={label} aria-describedby={`${id}-note`} disabled={stored.isPending} onChange={(e) => take(e.currentTarget.files?.[0])} />
        </label>
      ) : (
        <div className="flex items-center gap-2">
          <div className="min-w-0 grow">
            <FileRow artifact={file.name === "" ? { ...file, name: file.digest.slice(0, 19) } : file} />
          </div>
          <Button look="quiet" onClick={() => onChange(undefined)} aria-label={t.launch.removeOf(file.name)}>
            <X size={15} aria-hidden />
            {t.launch.remove}
          </Button>
        </div>
      )}
      <p id={`${id}-note`} className="text-small text-bad empty:hidden">
        {wrong}
      </p>
    </div>
  );
}
