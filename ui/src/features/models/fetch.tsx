import { Download } from "lucide-react";
import { useState } from "react";
import { Button } from "../../kit/button.js";
import { Dialog } from "../../kit/dialog.js";
import { Input, Select } from "../../kit/field.js";
import { t } from "../../strings.js";
import { nameOf, useFetch, usePlaces } from "./queries.js";

/** FetchAny brings a model file to a machine that may be new here: from a URL, or where one with that name is. */
export function FetchAny() {
  const [open, setOpen] = useState(false);
  const [url, setURL] = useState("");
  const places = usePlaces();
  const close = (): void => setOpen(false);
  const fetch = useFetch(close);
  return (
    <>
      <Button onClick={() => setOpen(true)}>
        <Download size={15} aria-hidden />
        {t.models.fetchAny}
      </Button>
      <Dialog open={open} onClose={close} title={t.models.fetchAny}>
        <form
          className="grid gap-4"
          onSubmit={(e) => {
            e.preventDefault();
            const form = new FormData(e.currentTarget);
            const text = (name: string): string => String(form.get(name) ?? "").trim();
            fetch.mutate({ model: text("model"), agent: text("agent"), ...(text("from") ? { from: text("from") } : {}), ...(text("digest") ? { digest: text("digest") } : {}) });
          }}
        >
          <Input label={t.models.name} help={t.models.nameHelp} name="model" required autoFocus spellCheck={false} placeholder="loras/ink.safetensors" />
          <Select label={t.models.to} name="agent">
            {places.map((p) => (
              <option key={p.agent} value={p.agent}>
                {nameOf(p)}
              </option>
            ))}
          </Select>
          <Input label={t.models.url} help={t.models.urlHelp} name="from" type="url" spellCheck={false} value={url} onChange={(e) => setURL(e.target.value)} placeholder="https://" />
          {url !== "" && <Input label={t.models.digest} help={t.models.digestHelp} name="digest" required spellCheck={false} pattern="sha256:[0-9a-f]{64}" placeholder="sha256:…" />}
          <div className="flex justify-end gap-2">
            <Button onClick={close}>{t.models.leave}</Button>
            <Button type="submit" look="fill" busy={fetch.isPending}>
              {t.models.fetch}
            </Button>
          </div>
        </form>
      </Dialog>
    </>
  );
}
