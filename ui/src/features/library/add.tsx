import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { consentOf, isName, kindOf, kinds, reference, saidOf, slug, type AssetKind } from "../../core/assets.js";
import { mediaKind, type Artifact } from "../../core/values.js";
import { info } from "../../data/files.js";
import { api, ask } from "../../data/host.js";
import { Button } from "../../kit/button.js";
import { Dialog } from "../../kit/dialog.js";
import { Input, Select } from "../../kit/field.js";
import { Problem } from "../../kit/problem.js";
import { toast } from "../../kit/toast.js";
import { t } from "../../strings.js";
import { OneFile } from "./one-file.js";
import { asset, changed, sent } from "./queries.js";
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
  const [picture, setPicture] = useState<Artifact>();
  const [tried, setTried] = useState(false);
  const there = useQuery({ ...asset(kind, name), enabled: isName(name) && to === undefined, retry: false });
  const go = useNavigate();
  const consent = consentOf(said);
  const save = useMutation({
    mutationFn: (artifact: Artifact) =>
      ask(
        api.POST("/api/v1/assets/{kind}/{name}/versions", {
          params: { path: { kind, name } },
          body: { artifact: sent(artifact), licence: { id: said.licence, commercial: said.commercial }, ...(said.note ? { note: said.note } : {}), ...(picture ? { thumbnail: sent(picture) } : {}), ...(typeof consent === "object" ? { consent } : {}) },
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
      <OneFile label={t.library.file} file={file} error={tried && file === undefined ? t.library.noFile : undefined} onChange={(f) => setChosen(f ?? null)} />
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
      {file !== undefined && mediaKind(file.mediaType) !== "image" && <OneFile label={t.library.picture} accept="image/*" file={picture} onChange={setPicture} />}
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
