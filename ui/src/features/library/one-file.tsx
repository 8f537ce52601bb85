import type { Artifact } from "../../core/values.js";
import { useUpload } from "../../data/upload.js";
import { FileField } from "../../kit/file-field.js";

interface OneFileProps {
  label: string;
  /** What it may be, as browsers write that; anything without it. */
  accept?: string;
  file: Artifact | undefined;
  error?: string | undefined;
  onChange: (file: Artifact | undefined) => void;
}

/** OneFile is a field for one file, which is stored at the host. */
export function OneFile({ label, accept, file, error, onChange }: OneFileProps) {
  const upload = useUpload(([made]) => onChange(made));
  const shown = file?.name === "" ? { ...file, name: file.digest.slice(0, 19) } : file;
  return <FileField label={label} accept={accept === undefined ? undefined : [accept]} files={shown === undefined ? [] : [shown]} error={error} upload={upload} refuses={() => undefined} onChange={([f]) => onChange(f)} />;
}
