import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Sparkles } from "lucide-react";
import { useEffect, useState, type Dispatch, type SetStateAction } from "react";
import type { AssetKind } from "../../core/assets.js";
import { fileOf, wordsOf } from "../../core/create.js";
import { duration } from "../../core/format.js";
import { filled, holds, mistakes, submission, type Draft, type Variable } from "../../core/launch.js";
import { useDraft } from "../../data/draft.js";
import { useGiven } from "../../data/given.js";
import { api, ask, ProblemError, queries, runsOf } from "../../data/host.js";
import { tookSeconds } from "../../data/live.js";
import { upload, useFileField, useUploading } from "../../data/upload.js";
import { Button } from "../../kit/button.js";
import { Choice } from "../../kit/choice.js";
import { Checkbox, focusWrong, Input, Select } from "../../kit/field.js";
import { FileField } from "../../kit/file-field.js";
import { Problem } from "../../kit/problem.js";
import { toast, toastProblem } from "../../kit/toast.js";
import { t } from "../../strings.js";
import { FromLibrary } from "./from-library.js";
import type { Maker } from "./maker.js";
import { Topic } from "./topic.js";

interface MakerFormProps {
  maker: Maker;
  makers: readonly Maker[];
  /** The values of an earlier film. */
  taken: Draft | undefined;
  given: { file?: string; name?: string };
  onChoose: (name: string) => void;
  /** A film has begun. */
  onBegun: () => void;
}

/** MakerForm asks for what a film is made of, says what comes of it, and has it made. */
export function MakerForm({ maker: { of, asked }, makers, taken, given, onChoose, onBegun }: MakerFormProps) {
  const { topic, words, portrait, voice, consent, profile } = asked;
  const [variables] = useState(of.variables ?? []); // the same list while the form is there
  const [draft, setDraft] = useDraft(`create ${of.name}`, variables);
  useEffect(() => {
    if (taken !== undefined) setDraft(consent ? { ...taken, text: without(taken.text, consent.name) } : taken);
  }, [taken, setDraft, consent]);
  const [byWords, setByWords] = useState(words !== undefined && (draft.text[topic.name] ?? "") === "");
  const said = byWords && words ? words : topic;
  const odd = useGiven(given, variables, setDraft);
  const uploading = useUploading();
  const [missing, setMissing] = useState<Record<string, string>>({});
  const start = useMutation({
    async mutationFn() {
      const text = draft.text[topic.name] ?? "";
      const unsaid = words === undefined ? draft : { ...draft, text: without(draft.text, said === words ? topic.name : words.name) };
      const whole = holds(topic) === undefined || filesOf(draft, topic).length > 0 ? unsaid : { ...unsaid, files: { ...draft.files, [topic.name]: [await upload(fileOf(text))] } };
      return ask(api.POST("/api/v1/runs", { body: submission(of.name, { ...whole, text: holds(topic) ? without(whole.text, topic.name) : whole.text }, variables) }));
    },
    async onSuccess(run) {
      toast(t.create.begun, () => void ask(api.POST("/api/v1/runs/{id}/cancel", { params: { path: { id: run.id } }, body: {} })).catch(toastProblem));
      await queries.invalidateQueries({ queryKey: ["runs"] });
      onBegun();
    },
    onError: (e) => !(e instanceof ProblemError && e.problem.diagnostics) && toastProblem(e),
  });
  const told = start.error instanceof ProblemError && start.error.problem.diagnostics ? mistakes(start.error.problem, variables) : undefined;
  const setText = (name: string, text: string): void => setDraft((d) => ({ ...d, text: { ...d.text, [name]: text } }));
  const errorOf = (v: Variable): string | undefined => missing[v.name] ?? told?.of[v.name];
  const submit = (): void => {
    const lacks: Record<string, string> = {};
    for (const v of [said, portrait, voice]) {
      if (v === undefined || filled(draft, v) || !(v.required || v === words || (v === topic && words))) continue;
      lacks[v.name] = v === topic ? t.create.needsTopic : v === words ? t.create.needsWords : t.create.needsFile;
    }
    if (consent && draft.text[consent.name] !== "true") lacks[consent.name] = t.create.needsConsent;
    setMissing(lacks);
    if (Object.keys(lacks).length === 0) start.mutate();
  };
  // Whoever is shown or heard now has not been asked yet.
  const others: Dispatch<SetStateAction<Draft>> = (next) => setDraft((was) => {
    const now = typeof next === "function" ? next(was) : next;
    return consent && now.files !== was.files ? { ...now, text: without(now.text, consent.name) } : now;
  });
  const inner = { draft, setDraft: others };
  return (
    <form
      noValidate
      className="card grid grid-cols-1 overflow-hidden"
      onSubmit={(e) => {
        e.preventDefault();
        submit();
        focusWrong(e.currentTarget);
      }}
    >
      {makers.length > 1 && <Which makers={makers} chosen={of.name} onChoose={onChoose} />}
      <div className={`grid grid-cols-1 gap-6 p-4 md:p-6 ${portrait || voice ? "lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]" : ""}`}>
        <div className="grid grid-cols-1 content-start gap-4">
          {words && (
            <Choice
              label={t.create.what}
              value={byWords ? "words" : "topic"}
              options={[
                { value: "words", title: t.create.byWords },
                { value: "topic", title: t.create.byTopic },
              ]}
              onChange={(of) => setByWords(of === "words")}
            />
          )}
          <Topic key={said.name} variable={said} error={errorOf(said)} {...(said === words ? { hint: t.create.wordsHint } : {})} {...inner} />
          {profile && (
            <Select label={t.create.profile} help={profile.description ?? ""} error={errorOf(profile)} value={draft.text[profile.name] || String(profile.default)} onChange={(e) => setText(profile.name, e.currentTarget.value)}>
              {(profile.options ?? []).map((o) => (
                <option key={String(o)}>{String(o)}</option>
              ))}
            </Select>
          )}
        </div>
        {(portrait ?? voice) && (
          <div className="grid content-start gap-4 sm:max-lg:grid-cols-2">
            {portrait && <VariableFile variable={portrait} kind="face" hint={t.create.portraitHint} error={errorOf(portrait)} {...inner} />}
            {voice && holds(voice) && <VariableFile variable={voice} kind="voice" hint={t.create.voiceHint} error={errorOf(voice)} {...inner} />}
            {voice && !holds(voice) && (
              <Input
                label={voice.required ? wordsOf(voice.name) : `${wordsOf(voice.name)} · ${t.create.optional}`}
                help={voice.description ?? ""}
                error={errorOf(voice)}
                placeholder={typeof voice.default === "string" ? voice.default : ""}
                value={draft.text[voice.name] ?? ""}
                autoComplete="off"
                spellCheck={false}
                onChange={(e) => setText(voice.name, e.currentTarget.value)}
              />
            )}
          </div>
        )}
      </div>
      {consent && (
        <div className="px-4 pb-4 md:px-6 md:pb-6">
          <Checkbox label={consent.description || wordsOf(consent.name)} error={errorOf(consent)} checked={draft.text[consent.name] === "true"} onChange={(e) => setText(consent.name, e.currentTarget.checked ? "true" : "")} />
        </div>
      )}
      {(odd !== undefined || (told?.rest.length ?? 0) > 0) && (
        <div className="grid gap-2 px-4 pb-4 md:px-6">
          {odd !== undefined && <Problem error={odd} />}
          {told?.rest.map((text) => <Problem key={text} error={{ title: text }} />)}
        </div>
      )}
      <div className="flex flex-wrap items-center gap-x-6 gap-y-3 border-t border-line bg-bg px-4 py-4 md:px-6">
        <Makes maker={{ of, asked }} />
        <div className="flex grow items-center justify-end gap-2 max-sm:grow">
          <Link to="/pipelines/$name" params={{ name: of.name }} className="rounded-sm px-2 font-medium text-muted hover:text-ink hover:underline">
            {t.create.more}
          </Link>
          <Button type="submit" look="fill" busy={start.isPending} disabled={uploading} className="h-11 px-6 text-lead max-sm:grow">
            <Sparkles size={16} aria-hidden />
            {t.create.generate}
          </Button>
        </div>
      </div>
    </form>
  );
}

const filesOf = (draft: Draft, v: Variable) => draft.files[v.name] ?? [];
const without = (text: Record<string, string>, name: string): Record<string, string> => Object.fromEntries(Object.entries(text).filter(([of]) => of !== name));

/** Which of the pipelines makes it. */
function Which({ makers, chosen, onChoose }: { makers: readonly Maker[]; chosen: string; onChoose: (name: string) => void }) {
  return (
    <div role="radiogroup" aria-label={t.create.makes} className="flex flex-wrap gap-x-6 gap-y-1 border-b border-line px-4 py-2 md:px-6">
      {makers.map(({ of }) => (
        <label key={of.name} className="flex h-8 cursor-pointer items-center gap-2 font-medium text-muted has-checked:text-ink pointer-coarse:h-11">
          <input type="radio" name="maker" checked={of.name === chosen} onChange={() => onChoose(of.name)} className="size-4 accent-fill" />
          {wordsOf(of.name)}
        </label>
      ))}
    </div>
  );
}

/** Makes says plainly what comes of it, and how long the last one took. */
function Makes({ maker: { of } }: { maker: Maker }) {
  const earlier = useQuery(runsOf(of.name, 20)).data?.runs ?? [];
  const last = earlier.find((r) => r.state === "succeeded");
  const files = (of.outputs ?? []).filter((o) => o.schema["x-type"] === "artifact").map((o) => o.name);
  return (
    <div className="grid min-w-0 grow basis-72 gap-1">
      <p className="text-lead">{of.description || of.name}</p>
      <p className="text-muted">{[files.length > 0 ? t.create.gives(files) : "", last === undefined ? "" : t.create.last(duration(tookSeconds(last, 0)))].filter(Boolean).join(" ")}</p>
    </div>
  );
}

interface VariableFileProps {
  variable: Variable;
  /** What of the library it may be. */
  kind: AssetKind;
  hint: string;
  error: string | undefined;
  draft: Draft;
  setDraft: Dispatch<SetStateAction<Draft>>;
}

function VariableFile({ variable: v, kind, hint, error, draft, setDraft }: VariableFileProps) {
  const field = useFileField(v, filesOf(draft, v), (files) => setDraft((d) => ({ ...d, files: { ...d.files, [v.name]: files } })));
  return (
    <div className="grid grid-cols-1 content-start gap-2">
      <FileField {...field} label={wordsOf(v.name)} note={v.required ? undefined : t.create.optional} hint={hint} help={v.description} error={error} />
      <FromLibrary kind={kind} variable={v} files={field.files} onChoose={(file) => field.onChange([file])} />
    </div>
  );
}
