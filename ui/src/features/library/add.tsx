import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Upload, X } from "lucide-react";
import { useId, useState, type DragEvent } from "react";
import { consentOf, isName, kindOf, kinds, reference, saidOf, slug, type AssetKind } from "../../core/assets.js";
import { asArtifact, type Artifact } from "../../core/values.js";
import { info } from "../../data/files.js";
import { api, ask } from "../../data/host.js";
import { Button } from "../../kit/button.js";
import { Dialog } from "../../kit/dialog.js";
import { Input, Select } from "../../kit/field.js";
import { FileRow } from "../../kit/media.js";
import { Problem, toldBy } from "../../kit/problem.js";
import { toast } from "../../kit/toast.js";
import { t } from "../../strings.js";
import { asset, changed, sent, upload } from "./queries.js";
import { SaidFields } from "./said.js";

interface AddProps {
  open: boolean;
  /** Of a file that the host has, when it is that. */
  digest?: string | undefined;
  /** What that is called. */
  named?: string | undefined;
  /** Of the asset that gets a version, when it is there. */
  to?: { kind: AssetKind; name: string } | undefined;
  onClose: () => void;
}

export const today = (): string => new Date().toLocaleDateString("sv"); // as 2026-11-27

/** Add makes an asset of a file, or a version of one that is there. */
export function Add({ open, digest, named, to, onClose }: AddProps) {
  return (
    <Dialog open={open} onClose={onClose} title={to === undefined ? t.library.addTitle : t.library.addVersionTitle(to.name)} className="w-[min(36rem,calc(100vw-2rem))]">
      <Form digest={digest} named={named} to={to} onClose={onClose} />
    </Dialog>
  );
}

function Form({ digest, named, to, onClose }: Omit<AddProps, "open">) {
  const given = useQuery({ ...info(digest ?? ""), enabled: digest !== undefined });
  const known = given.data && { digest: given.data.digest, mediaType: given.data.media_type, size: given.data.size, name: named ?? given.data.names[0] ?? "" };
  const [chosen, setChosen] = useState<Artifact | null>(); // null: taken away
  const file = chosen === undefined ? known : (chosen ?? undefined);
  const [typed, setTyped] = useState<{ kind?: AssetKind; name?: string }>({});
  const kind = to?.kind ?? typed.kind ?? (file === undefined ? "voice" : kindOf(file));
  const name = to?.name ?? typed.name ?? (file === undefined ? "" : slug(file.name));
  const [said, setSaid] = useState(saidOf(undefined, today()));
  const [tried, setTried] = useState(false);
  const there = useQuery({ ...asset(kind, name), enabled: isName(name) && to === undefined, retry: false });
  const go = useNavigate();
  const consent = consentOf(said);
  const save = useMutation({
    mutationFn: (artifact: Artifact) =>
      ask(
        api.POST("/api/v1/assets/{kind}/{name}/versions", {
          params: { path: { kind, name } },
          body: { artifact: sent(artifact), licence: { id: said.licence, commercial: said.commercial }, ...(said.note ? { note: said.note } : {}), ...(typeof consent === "object" ? { consent } : {}) },
        }),
      ),
    onSuccess: (made) => {
      void changed();
      toast(t.library.added(made.name, made.versions[0]?.number ?? 1));
      if (to !== undefined) onClose(); // else it closes with its page
      void go({ to: "/library/$kind/$name", params: { kind, name } });
    },
  });
  return (
    <form
      noValidate
      className="grid grid-cols-1 gap-4"
      onSubmit={(e) => {
        e.preventDefault();
        setTried(true);
        if (file !== undefined && isName(name) && consent !== "part") save.mutate(file);
      }}
    >
      {given.error !== null && <Problem error={given.error} />}
      <FileField file={file} missing={tried} onChange={(f) => setChosen(f ?? null)} />
      {to === undefined && (
        <>
          <div className="grid grid-cols-1 items-start gap-4 sm:grid-cols-2">
            <Select label={t.library.kind} value={kind} onChange={(e) => setTyped({ ...typed, kind: e.currentTarget.value as AssetKind })}>
              {kinds.map((k) => (
                <option key={k} value={k}>
                  {t.library.kindOf[k]}
                </option>
              ))}
            </Select>
            <Input label={t.library.name} value={name} maxLength={64} autoComplete="off" spellCheck={false} error={(tried || typed.name) && !isName(name) ? t.library.nameHelp : undefined} onChange={(e) => setTyped({ ...typed, name: e.currentTarget.value })} />
          </div>
          {isName(name) && (
            <p className="-mt-2 text-muted" aria-live="polite">
              {there.data === undefined ? t.library.named : t.library.taken((there.data.versions[0]?.number ?? 0) + 1)} <code className="font-mono text-small break-all text-ink">{reference({ kind, name })}</code>
            </p>
          )}
        </>
      )}
      <SaidFields kind={kind} said={said} onChange={setSaid} tried={tried} />
      {save.error !== null && <Problem error={save.error} />}
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>{t.library.cancel}</Button>
        <Button type="submit" look="fill" busy={save.isPending}>
          {to === undefined ? t.library.addDo : t.library.addVersion}
        </Button>
      </div>
    </form>
  );
}

/** FileField takes a file by drop or choice, and stores it at the host. */
function FileField({ file, missing, onChange }: { file: Artifact | undefined; missing: boolean; onChange: (file: Artifact | undefined) => void }) {
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
  const wrong = told === undefined ? (missing && file === undefined ? t.library.noFile : undefined) : (told.detail ?? told.title);
  return (
    <div className="grid grid-cols-1 gap-1" onDragOver={(e) => (e.preventDefault(), setOver(true))} onDragLeave={() => setOver(false)} onDrop={drop}>
      {file === undefined ? (
        <label className={`flex min-h-20 cursor-pointer items-center justify-center gap-3 rounded-lg border border-dashed p-4 text-center focus-within:outline-2 focus-within:outline-offset-2 focus-within:outline-accent ${over ? "border-accent bg-tint" : wrong ? "border-bad" : "border-edge bg-bg hover:bg-raised"}`}>
          <Upload size={16} className="shrink-0 text-muted" aria-hidden />
          <span className="text-muted">{stored.isPending ? t.launch.uploading : t.launch.drop}</span>
          <input type="file" className="sr-only" aria-label={t.library.file} aria-describedby={`${id}-note`} disabled={stored.isPending} onChange={(e) => take(e.currentTarget.files?.[0])} />
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
