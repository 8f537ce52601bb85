import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { FilePlus } from "lucide-react";
import { useState } from "react";
import { api, ask, me, ProblemError, queries } from "../../data/host.js";
import { Button } from "../../kit/button.js";
import { Dialog } from "../../kit/dialog.js";
import { Input } from "../../kit/field.js";
import { Problem, toldBy } from "../../kit/problem.js";
import { t } from "../../strings.js";

const named = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
const empty = (name: string): string => `pipeline "${name}" {\n  description = ""\n}\n`;

/** NewPipeline makes a pipeline's file, and opens it in the editor. It is there for who may save. */
export function NewPipeline() {
  const [open, setOpen] = useState(false);
  if (useQuery(me).data?.role === "viewer") return null;
  return (
    <>
      <Button onClick={() => setOpen(true)}>
        <FilePlus size={15} aria-hidden />
        {t.editor.create}
      </Button>
      {open && <Form onClose={() => setOpen(false)} />}
    </>
  );
}

function Form({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("");
  const [from, setFrom] = useState("hello");
  const [asked, setAsked] = useState(false);
  const go = useNavigate();
  const fine = named.test(name);
  const starters = useQuery({ queryKey: ["starters"], staleTime: Infinity, queryFn: () => ask(api.GET("/api/v1/starters", { params: { query: { name: "x" } } })) });
  const make = useMutation({
    mutationFn: async () => {
      const called = from === "" ? undefined : (await ask(api.GET("/api/v1/starters", { params: { query: { name } } }))).starters.find((s) => s.name === from);
      return ask(api.PUT("/api/v1/pipelines/{name}/source", { params: { path: { name } }, body: { text: called?.text ?? empty(name) } }));
    },
    onSuccess: (made) => {
      void queries.invalidateQueries({ queryKey: ["pipelines"] });
      void go({ to: "/pipelines/$name/edit", params: { name: made.pipeline.name } });
    },
  });
  const taken = make.error instanceof ProblemError && make.error.problem.code === "stale";
  const wrong = taken ? t.editor.nameTaken : asked && !fine ? t.editor.nameBad : undefined;
  const choices = [...(starters.data?.starters ?? []), { name: "", description: t.editor.emptyText }];
  return (
    <Dialog
      open
      onClose={onClose}
      title={t.editor.create}
      actions={
        <Button look="fill" type="submit" form="new-pipeline" busy={make.isPending}>
          {t.editor.doCreate}
        </Button>
      }
    >
      <form
        id="new-pipeline"
        className="grid gap-4"
        onSubmit={(e) => {
          e.preventDefault();
          setAsked(true);
          if (fine) make.mutate();
        }}
      >
        <Input label={t.editor.name} help={t.editor.nameHelp} error={wrong} value={name} data-first spellCheck={false} autoComplete="off" onChange={(e) => (setName(e.currentTarget.value), make.reset())} />
        <fieldset className="grid gap-2">
          <legend className="mb-1 font-medium">{t.editor.starter}</legend>
          {choices.map((s) => (
            <label key={s.name} className="flex cursor-pointer items-start gap-3 rounded-md border border-line p-3 hover:bg-raised has-checked:border-accent has-checked:bg-tint">
              <input type="radio" name="starter" checked={from === s.name} onChange={() => setFrom(s.name)} className="mt-[2px] size-4 shrink-0 accent-fill" />
              <span className="grid min-w-0">
                <span className="font-medium">{s.name || t.editor.empty}</span>
                <span className="break-words text-muted">{s.description}</span>
              </span>
            </label>
          ))}
        </fieldset>
        {make.error !== null && !taken && <Problem error={toldBy(make.error)} />}
      </form>
    </Dialog>
  );
}
