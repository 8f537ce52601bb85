import { FileUp } from "lucide-react";
import { percent } from "../core/format.js";
import { t } from "../strings.js";
import { Button } from "./button.js";
import { Progress } from "./progress.js";

interface DropZoneProps {
  title: string;
  text: string;
  over: boolean;
  now: { name: string; fraction: number } | undefined;
  onFile: (file: File) => void;
  onCancel: () => void;
}

/** DropZone takes a file of any kind. It stands in a Drop, which may be larger than what is seen of it. */
export function DropZone({ title, text, over, now, onFile, onCancel }: DropZoneProps) {
  if (now !== undefined)
    return (
      <div className="card grid gap-2 px-4 py-3">
        <Progress fraction={now.fraction} label={now.name} />
        <span className="flex items-center gap-2 text-muted" role="status">
          <span className="min-w-0 grow truncate">{t.upload.under(now.name, percent(now.fraction))}</span>
          <Button look="quiet" onClick={onCancel}>
            {t.upload.cancel}
          </Button>
        </span>
      </div>
    );
  return (
    <label className={`flex cursor-pointer items-center gap-4 rounded-lg border border-dashed px-4 py-3 focus-within:outline-2 focus-within:outline-offset-2 focus-within:outline-accent ${over ? "border-accent bg-tint" : "border-edge hover:bg-raised"}`}>
      <FileUp size={20} className={`shrink-0 ${over ? "text-accent" : "text-muted"}`} aria-hidden />
      <span className="grid min-w-0">
        <span className="font-medium">{title}</span>
        <span className="text-muted">{text}</span>
      </span>
      <input
        type="file"
        className="sr-only"
        aria-label={title}
        onChange={(e) => {
          const [file] = e.currentTarget.files ?? [];
          if (file !== undefined) onFile(file);
          e.currentTarget.value = "";
        }}
      />
    </label>
  );
}
