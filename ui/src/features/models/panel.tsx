import { Link } from "@tanstack/react-router";
import { ArrowLeft, MousePointerClick, Trash2 } from "lucide-react";
import { useState } from "react";
import { size } from "../../core/format.js";
import { differs, fractionOf, kindOf, type Copy as ModelCopy, type Fetch, type Model } from "../../core/models.js";
import { Button, IconButton } from "../../kit/button.js";
import { Copy } from "../../kit/copy.js";
import { Dialog } from "../../kit/dialog.js";
import { Empty } from "../../kit/empty.js";
import { Progress } from "../../kit/progress.js";
import { Badge } from "../../kit/state.js";
import { t } from "../../strings.js";
import { nameOf, useFetch, usePlaces, useRemove } from "./queries.js";

interface PanelProps {
  /** undefined: none is chosen. */
  model: Model | undefined;
  /** Its transfers. */
  fetching: Fetch[];
  /** may: who looks at it may bring it elsewhere, and delete it. */
  may: boolean;
  onBack: () => void;
}

/** ModelPanel is one model file: who has it, who else could, and where it comes from. */
export function ModelPanel({ model: m, fetching, may, onBack }: PanelProps) {
  const [gone, setGone] = useState<ModelCopy>();
  if (m === undefined)
    return (
      <div className="card max-lg:hidden">
        <Empty icon={MousePointerClick} title={t.models.pick}>
          <p>{t.models.pickText}</p>
        </Empty>
      </div>
    );
  const digests = [...new Set([m.source?.digest, ...m.copies.map((c) => c.digest)].filter((d) => d !== undefined && d !== ""))];
  return (
    <article aria-label={m.name} className="grid min-w-0 grid-cols-1 gap-3">
      <Button look="quiet" className="-ml-3 justify-self-start lg:hidden" onClick={onBack}>
        <ArrowLeft size={16} aria-hidden /> {t.models.back}
      </Button>
      <div className="card grid grid-cols-1 gap-4 p-4">
        <header className="grid grid-cols-1 gap-2">
          <h2 className="text-lead break-all">{m.name.slice(kindOf(m.name).length + 1)}</h2>
          <p className="flex flex-wrap gap-2">
            <Badge>{kindOf(m.name)}</Badge>
          </p>
          {digests.length === 1 && <Copy text={String(digests[0])} />}
          {differs(m) && <p className="rounded-md bg-warn-tint px-3 py-2 text-warn">{t.models.differsText}</p>}
        </header>
        <div className="grid grid-cols-1 gap-2 border-t border-line pt-3">
          <h3 className="text-muted">{t.models.where}</h3>
          {m.copies.length === 0 && <p>{t.models.nowhere}</p>}
          <ul className="grid grid-cols-1 divide-y divide-line">
            {m.copies.map((c) => (
              <li key={c.agent} className="flex min-h-10 items-center gap-3">
                <span className="min-w-0 grow truncate">
                  <Link to="/machines" search={{ machine: c.agent }} className="text-accent hover:underline">
                    {nameOf(c)}
                  </Link>
                  {c.offline && <span className="text-muted">{`, ${t.models.offline}`}</span>}
                </span>
                <span className="shrink-0 text-muted">{size(c.size)}</span>
                {may && (
                  <IconButton label={t.models.removeFrom(nameOf(c))} disabled={c.offline === true} onClick={() => setGone(c)} className="-mr-2">
                    <Trash2 size={16} />
                  </IconButton>
                )}
              </li>
            ))}
          </ul>
        </div>
        {may && <Bring model={m} fetching={fetching} />}
        {m.source !== undefined && (
          <div className="grid grid-cols-1 gap-1 border-t border-line pt-3">
            <h3 className="text-muted">{t.models.source}</h3>
            <p className="break-all">{m.source.url}</p>
            {m.source.auto && <p className="text-small text-muted">{t.models.auto}</p>}
          </div>
        )}
      </div>
      <Removal model={m} copy={gone} onClose={() => setGone(undefined)} />
    </article>
  );
}

/** Bring has machines fetch the file that do not have it. */
function Bring({ model: m, fetching }: { model: Model; fetching: Fetch[] }) {
  const fetch = useFetch();
  const places = usePlaces().filter((p) => !m.copies.some((c) => c.agent === p.agent));
  const known = m.copies.some((c) => !c.offline) || m.source !== undefined;
  if (places.length === 0 || !known) return null;
  return (
    <div className="grid grid-cols-1 gap-2 border-t border-line pt-3">
      <h3 className="text-muted">{t.models.bring}</h3>
      <ul className="grid max-h-64 grid-cols-1 divide-y divide-line overflow-auto">
        {places.map((p) => {
          const now = fetching.find((f) => f.agent === p.agent && !f.error);
          return (
            <li key={p.agent} className="flex min-h-10 items-center gap-3">
              <span className="min-w-0 grow truncate">{nameOf(p)}</span>
              {now === undefined ? (
                <Button look="quiet" className="-mr-3" disabled={fetch.isPending} onClick={() => fetch.mutate({ model: m.name, agent: p.agent })}>
                  {t.models.fetch}
                </Button>
              ) : (
                <span className="w-24">
                  <Progress fraction={fractionOf(now)} label={t.models.way(now.from, nameOf(p))} />
                </span>
              )}
            </li>
          );
        })}
      </ul>
    </div>
  );
}

function Removal({ model: m, copy: c, onClose }: { model: Model; copy: ModelCopy | undefined; onClose: () => void }) {
  const remove = useRemove(onClose);
  const last = m.copies.length === 1 && m.source === undefined;
  return (
    <Dialog
      open={c !== undefined}
      onClose={onClose}
      title={t.models.removeTitle(c === undefined ? "" : nameOf(c))}
      actions={
        <>
          <Button onClick={onClose}>{t.models.keep}</Button>
          <Button look="danger" busy={remove.isPending} onClick={() => c !== undefined && remove.mutate({ model: m.name, agent: c.agent })}>
            {t.models.remove}
          </Button>
        </>
      }
    >
      <div className="grid gap-2">
        <p className="font-mono text-small break-all">{m.name}</p>
        <p>{t.models.removeText(size(c?.size ?? 0))}</p>
        <p className={last ? "text-warn" : "text-muted"}>{last ? t.models.last : t.models.again}</p>
      </div>
    </Dialog>
  );
}
