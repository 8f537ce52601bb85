import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import type { Schemas } from "../../api/client.js";
import { consentOf, saidOf, type Asset, type AssetVersion } from "../../core/assets.js";
import { asArtifact, mediaKind } from "../../core/values.js";
import { api, ask } from "../../data/host.js";
import { Button } from "../../kit/button.js";
import { Dialog } from "../../kit/dialog.js";
import { Problem } from "../../kit/problem.js";
import { toast } from "../../kit/toast.js";
import { t } from "../../strings.js";
import { today } from "./add.js";
import { OneFile } from "./one-file.js";
import { changed, sent } from "./queries.js";
import { SaidFields } from "./said.js";

interface EditProps {
  open: boolean;
  asset: Asset;
  version: AssetVersion;
  onClose: () => void;
}

/** Edit changes what is said of a version. Consent that is emptied is withdrawn. */
export function Edit({ open, asset: a, version: v, onClose }: EditProps) {
  return (
    <Dialog open={open} onClose={onClose} title={t.library.editTitle(a.name, v.number)} className="w-[min(36rem,calc(100vw-2rem))]">
      <Form asset={a} version={v} onClose={onClose} />
    </Dialog>
  );
}

function Form({ asset: a, version: v, onClose }: Omit<EditProps, "open">) {
  const [said, setSaid] = useState(saidOf(v, today()));
  const [picture, setPicture] = useState(asArtifact(v.thumbnail));
  const [tried, setTried] = useState(false);
  const consent = consentOf(said);
  const save = useMutation({
    mutationFn: (body: Schemas["AssetEdit"]) => ask(api.PATCH("/api/v1/assets/{kind}/{name}/versions/{number}", { params: { path: { kind: a.kind, name: a.name, number: v.number } }, body })),
    onSuccess: () => {
      void changed();
      toast(t.library.saved);
      onClose();
    },
  });
  const same = typeof consent === "object" && consent.by === v.consent?.by && consent.on === v.consent.on && consent.for === v.consent.for;
  return (
    <form
      noValidate
      className="grid grid-cols-1 gap-4"
      onSubmit={(e) => {
        e.preventDefault();
        setTried(true);
        if (consent === "part") return;
        save.mutate({
          note: said.note,
          ...(picture === undefined && v.thumbnail !== undefined ? { drop_thumbnail: true } : {}),
          ...(picture === undefined || picture.digest === v.thumbnail?.$artifact ? {} : { thumbnail: sent(picture) }),
          licence: { id: said.licence, commercial: said.commercial },
          ...(consent === undefined ? (v.consent === undefined ? {} : { withdraw: true }) : same ? {} : { consent }),
        });
      }}
    >
      <SaidFields kind={a.kind} said={said} onChange={setSaid} tried={tried} />
      {mediaKind(v.artifact.media_type ?? "") !== "image" && <OneFile label={t.library.picture} accept="image/*" file={picture} onChange={setPicture} />}
      {v.consent !== undefined && consent === undefined && <p className="text-warn">{t.library.withdraws}</p>}
      {save.error !== null && <Problem error={save.error} />}
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>{t.library.cancel}</Button>
        <Button type="submit" look="fill" busy={save.isPending}>
          {t.library.save}
        </Button>
      </div>
    </form>
  );
}
